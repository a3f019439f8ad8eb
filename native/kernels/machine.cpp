#include "machine.hpp"

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

// Reads twice what the last cache holds, up to 64 MiB, into a small buffer.
double stream_rate(double cache_bytes) {
    constexpr size_t piece = 64 * 1024;
    const size_t pieces = std::clamp<size_t>(size_t(2 * cache_bytes) / piece, 64, 1024);
    std::vector<char> from(pieces * piece, 1), to(piece);
    return double(from.size()) / least_us(2, [&] {
               for (size_t i = 0; i < pieces; ++i) {
                   std::memcpy(to.data(), from.data() + i * piece, piece);
                   asm volatile("" : : "r"(to.data()) : "memory");
               }
           });
}

// Size of a unified cache as the kernel reports it; sysconf adds up caches that this machine may not reach.
double cache_bytes(int level, double otherwise) {
    std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(level) + "/size");
    double kib = 0;
    return file >> kib && kib > 0 ? kib * 1024 : otherwise;
}

Machine measure(const Target& target) {
    constexpr int64_t rounds = 2000;
    const std::vector<float> values(128, 0.5f);
    volatile float sink = 0;
    Machine m{};
    m.target = &target;
    m.fma_rate = double(rounds * 24) / least_us(60, [&] { sink = target.burn(rounds, values.data()); });
    m.cache_rate = copy_rate(128 * 1024, 16);
    m.memory_rate = copy_rate(4 * 1024 * 1024, 3);
    m.l2_bytes = cache_bytes(2, 512 * 1024);
    m.l3_bytes = cache_bytes(3, 8 * 1024 * 1024);
    m.stream_rate = std::min(stream_rate(m.l3_bytes), m.memory_rate);
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
