// What the machine can do, measured once: the figures the cost model stands on.
#pragma once

#include "entry.hpp"

namespace striate {

struct Machine {
    const Target* target;
    double fma_rate;     // vector multiply-adds per microsecond, one core
    double cache_rate;   // bytes copied per microsecond within L2, one core
    double memory_rate;  // bytes copied per microsecond beyond L2, one core
    double stream_rate;  // bytes read per microsecond from memory beyond every cache, one core
    double l2_bytes;     // per core
    double l3_bytes;     // shared
    double dispatch_us;  // handing a job to other threads
};

// Measured at the first call for a target, in some tens of milliseconds; the same values ever after.
const Machine& machine_for(const Target& target);

}  // namespace striate
