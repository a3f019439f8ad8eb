#include "base/pool.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace striate {
namespace {

// The tightest quota, in CPUs, of the groups from `path` up to the root of a cgroup v2 tree.
double quota_v2(std::string path) {
    double tightest = std::numeric_limits<double>::infinity();
    for (;;) {
        std::ifstream file("/sys/fs/cgroup" + path + "/cpu.max");
        std::string quota;
        double period = 0;
        if (file >> quota >> period && quota != "max" && period > 0)
            tightest = std::min(tightest, std::stod(quota) / period);
        if (path.empty()) return tightest;
        path.resize(path.find_last_of('/'));
    }
}

double quota_v1(const std::string& path) {
    for (const std::string& group : {path, std::string()}) {
        const std::string root = "/sys/fs/cgroup/cpu" + group;
        std::ifstream quota_file(root + "/cpu.cfs_quota_us"), period_file(root + "/cpu.cfs_period_us");
        double quota = 0, period = 0;
        if (quota_file >> quota && period_file >> period && quota > 0 && period > 0) return quota / period;
    }
    return std::numeric_limits<double>::infinity();
}

// A line of /proc/self/cgroup reads "hierarchy:controllers:path".
double cgroup_cpus() {
    double cpus = std::numeric_limits<double>::infinity();
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        std::istringstream fields(line);
        std::string hierarchy, controllers, path;
        std::getline(fields, hierarchy, ':');
        std::getline(fields, controllers, ':');
        std::getline(fields, path);
        while (!path.empty() && path.back() == '/') path.pop_back();
        if (!path.empty() && path.front() != '/') continue;
        if (controllers.empty()) cpus = std::min(cpus, quota_v2(path));
        else if (("," + controllers + ",").find(",cpu,") != std::string::npos) cpus = std::min(cpus, quota_v1(path));
    }
    return cpus;
}

}  // namespace

int available_cpus() {
    int cpus = std::max(1, int(std::thread::hardware_concurrency()));
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) cpus = std::max(1, CPU_COUNT(&set));
#endif
    const double quota = cgroup_cpus();
    return std::isfinite(quota) ? std::clamp(int(std::ceil(quota)), 1, cpus) : cpus;
}

int default_threads() {
    for (const char* name : {"STRIATE_NUM_THREADS", "OMP_NUM_THREADS"})
        if (const char* const text = std::getenv(name)) {
            // A list, as OpenMP allows, begins with the number of the outermost level.
            char* end = nullptr;
            const long count = std::strtol(text, &end, 10);
            if (end != text && count >= 1 && (*end == 0 || *end == ',')) return int(std::min<long>(count, max_threads));
        }
    return std::min(available_cpus(), max_threads);
}

}  // namespace striate
