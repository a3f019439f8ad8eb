#include "choose/machines.hpp"

#include "base/pool.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace striate {
namespace {

using Clock = std::chrono::steady_clock;

// The least time, in microseconds, of `repeats` runs: the one the rest of the machine disturbed least.
template <class Run>
double least_us(int repeats, Run run) {
    double least = 1e30;
    for (int i = 0; i < repeats; ++i) {
        const auto start = Clock::now();
        run();
        least = std::min(least, std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    }
    return std::max(least, 0.01);
}

double copy_rate(size_t bytes, int repeats) {
    std::vector<char> from(bytes, 1), to(bytes, 2);
    return double(bytes) / least_us(repeats, [&] {
               std::memcpy(to.data(), from.data(), bytes);
               asm volatile("" : : "r"(to.data()) : "memory");
           });
}

// Reads twice what the last cache holds, up to 64 MiB, asking ahead as kernels do.
double stream_rate(double cache_bytes) {
    constexpr size_t line = 64, ahead = 4096;
    const size_t lines = std::clamp<size_t>(size_t(2 * cache_bytes), 4 << 20, 64 << 20) / line;
    const std::vector<char> from(lines * line, 1);
    return double(from.size()) / least_us(2, [&] {
               int sum = 0;
               for (size_t i = 0; i < lines; ++i) {
                   __builtin_prefetch(from.data() + i * line + ahead);
                   sum += from[i * line];
               }
               asm volatile("" : : "r"(sum));
           });
}

// Size of a cache as the kernel reports it, first of them that for data; sysconf adds up caches that this machine may
// not reach.
double cache_bytes(int index, double otherwise) {
    std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size");
    double kib = 0;
    return file >> kib && kib > 0 ? kib * 1024 : otherwise;
}

Machine measure(const Target& target) {
    constexpr int64_t rounds = 2000;
    const std::vector<float> values(128, 0.5f);
    volatile float sink = 0;
    Machine m{};
    m.target = &target;
    // Others may slow the core for some milliseconds: between the other measurements, and the best of all.
    double fastest_us = 1e30;
    const auto burn = [&] {
        fastest_us = std::min(fastest_us, least_us(20, [&] { sink = target.burn(rounds, values.data()); }));
    };
    burn();
    m.cache_rate = copy_rate(128 * 1024, 16);
    m.memory_rate = copy_rate(4 * 1024 * 1024, 3);
    burn();
    m.l1_bytes = cache_bytes(0, 32 * 1024);
    m.l2_bytes = cache_bytes(2, 512 * 1024);
    // What a virtual machine is told of is its host's, shared with others.
    m.l3_bytes = std::min(cache_bytes(3, 8 * 1024 * 1024), 16.0 * 1024 * 1024 * available_cpus());
    m.stream_rate = std::min(stream_rate(m.l3_bytes), 2 * m.memory_rate);
    burn();
    m.fma_rate = double(rounds * 24) / fastest_us;
    m.dispatch_us = 1.0;
    return m;
}

}  // namespace

const Machine& machine_for(const Target& target) {
    static std::mutex mutex;
    static std::map<const Target*, Machine> machines;
    const std::lock_guard lock(mutex);
    const auto found = machines.find(&target);
    return found != machines.end() ? found->second : machines.emplace(&target, measure(target)).first->second;
}

}  // namespace striate
