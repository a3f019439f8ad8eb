// What the machine can do: the figures the cost model stands on.
#pragma once

#include "ways/target.hpp"

#include <algorithm>

namespace striate {

// What decides the bits of a result, the way and the size of its tiles, is chosen for so many threads, however many
// there are.
constexpr int deciding_threads = 2;

struct Machine {
    const Target* target;
    double fma_rate;     // vector multiply-adds per microsecond, one core
    double cache_rate;   // bytes copied per microsecond within L2, one core
    double memory_rate;  // bytes copied per microsecond beyond L2, one core
    double stream_rate;  // bytes read per microsecond from memory beyond every cache, one core
    double l1_bytes;     // per core
    double l2_bytes;     // per core
    double l3_bytes;     // shared
    double dispatch_us;  // handing a job to other threads

    // What the memory costs; `python benchmarks/costs.py machine` measures it.
    static constexpr double page_slots = 6;   // slots for a page that the first translation table lost,
    static constexpr double pages_held = 48;  // which holds so many
    static constexpr double pages_lost = 16;  // and none of so many more
    static constexpr double l2_share = 0.7;   // of the second cache, what stays there from call to call
    static constexpr double l2_reads = 2;     // bytes read out of the second cache in the time of one copied there,
    static constexpr double l3_reads = 2.5;   // and out of the last one
    static constexpr double shown = 0.2;      // of computing and reading, the share of the shorter that does not hide

    // Slots of one vector multiply-add lost at each step from one to the next of `rows` rows `pitch` bytes apart, read
    // over and over: those that touch more pages than the first translation table holds.
    static double paging(double rows, double pitch) {
        const double pages = rows * std::min(1.0, pitch / 4096);
        return page_slots * std::clamp((pages - pages_held) / pages_lost, 0.0, 1.0);
    }
    // Bytes that one core reads per microsecond out of `held`, which every call reads again. A copy reads as many as it
    // writes; beyond the second cache it also reads the lines it writes to.
    double read_rate(double held) const {
        return held <= l2_share * l2_bytes ? l2_reads * cache_rate
               : held <= l3_bytes          ? l3_reads * memory_rate
                                           : stream_rate;
    }
    // Microseconds of computing and reading side by side: what takes less hides behind the other, mostly.
    static double beside(double compute_us, double read_us) {
        return std::max(compute_us, read_us) + shown * std::min(compute_us, read_us);
    }
};

}  // namespace striate
