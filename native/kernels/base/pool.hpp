// Worker threads for one process: spin briefly, then sleep; safe after fork and from many callers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace striate {

// CPUs this process may use: the affinity mask, cut by the control group's quota. At least 1.
int available_cpus();

constexpr int max_threads = 256;

// What the environment says, STRIATE_NUM_THREADS or else OMP_NUM_THREADS, where it is a number of at least 1; else
// available_cpus(). At most max_threads.
int default_threads();

// Threads a call uses when its plan names none. `count` 0 means default_threads(), asked once; the count is capped at
// max_threads.
void set_threads(int count);
int get_threads();

// One task as a thread meets it.
struct Unit {
    int64_t task;
    int64_t before;  // the task this thread ended last in the same call, whose scratch stands as it left it; -1 if
                     // there is none
    void* memory;    // the thread's scratch

    // Whether the task before is not of the same `of` neighbours, which share what they prepare.
    bool first(int64_t of) const { return before < 0 || before / of != task / of; }
};
using Task = void (*)(void* context, const Unit& unit);

// Calls task(context, unit) once for every unit.task in [0, tasks), on the caller and up to threads - 1 workers, and
// returns when all have ended. `memory` holds `scratch_bytes`, aligned to 64. Each thread has a share of neighbouring
// tasks, and takes over others' when it is done. All of them round, and flush denormal numbers or not, as the caller
// does. Which thread runs a task is not fixed; tasks write disjoint outputs, so results are. While another caller holds
// the workers, this one runs its tasks alone. Throws std::bad_alloc where the caller's scratch cannot be had.
void parallel_for(int64_t tasks, int threads, size_t scratch_bytes, Task task, void* context);

}  // namespace striate
