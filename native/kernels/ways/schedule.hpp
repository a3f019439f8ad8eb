// How the tasks of a call fall to threads, and what that costs.
#pragma once

#include "ways/machine.hpp"

#include <algorithm>
#include <cmath>

namespace striate {

// Tasks are numbered by image, group, block of pixels and part of the output channels, the last fastest, and each
// thread has a run of neighbours.
struct Schedule {
    const Machine& machine;
    int threads;
    int64_t images, groups, pixel_tasks, k_tasks;

    // `python benchmarks/costs.py schedule` measures what is in microseconds.
    static constexpr double task_us = 0.3;   // a task, to come to speed,
    static constexpr double run_us = 0.02;   // and each run of output that it starts elsewhere than the last one ended
    static constexpr double alone_us = 0.3;  // a call, whatever it computes
    static constexpr double slowed = 0.75;   // what one thread of unequal ones does of the others' work
    static constexpr double shown = 0.5;     // of reading beyond the second cache, the share that does not hide

    int64_t tasks() const { return images * groups * pixel_tasks * k_tasks; }

    // The share of the tasks that the task before, on the same thread, did not leave their pixels.
    double fresh() const {
        const double blocks = double(images * groups * pixel_tasks);
        return std::min(1.0, std::max(1.0, double(threads) / blocks) / double(k_tasks));
    }
    // The share of all weights that a thread meets.
    double met() const {
        const double sets =
            double(images * groups * pixel_tasks) / double(threads);  // of a group's weights, one after the other
        if (sets < 1) return std::max(sets, 1 / double(k_tasks)) / double(groups);
        return std::clamp(sets / double(pixel_tasks), 1.0, double(groups)) / double(groups);
    }
    // Of `blocks` of output channels, how many a task counts in its thread's time.
    double blocks_each(int64_t blocks) const {
        const double each = std::min(double(k_tasks), std::ceil(double(tasks()) / double(threads)));
        return std::ceil(each * double(blocks) / double(k_tasks)) / each;
    }

    // Microseconds that a task which starts `runs` of output takes beside its work.
    static double begin(double runs) { return task_us + run_us * runs; }

    // Microseconds that all tasks take, which read and write `bytes` together: half the time threads are equally fast,
    // half the time one of them does `slowed` of the others' work. These take over tasks of its share, and the bytes
    // that its second cache may hold.
    double spread(double each_us, double bytes) const {
        const double count = double(tasks()), others = double(threads - 1), share = count / double(threads);
        if (threads < 2 || count < 2) return count * each_us;
        const double moved_us = bytes / double(threads) < machine.l2_bytes ? bytes / count / machine.memory_rate : 0;
        const auto uneven = [&](double kept) {
            const double taken = std::max(0.0, share - kept) / others;
            return std::max(kept * each_us / slowed, std::ceil((count - kept) / others) * each_us + taken * moved_us);
        };
        const double kept = std::floor(count * slowed / (others + slowed));
        return (std::ceil(share) * each_us + std::min(uneven(kept), uneven(kept + 1))) / 2;
    }
    // Microseconds of handing the tasks to other threads, and of the call itself.
    double around() const { return (threads > 1 && tasks() > 1 ? machine.dispatch_us : 0) + alone_us; }
    // Microseconds that bringing in `bytes` from beyond the second cache adds, on each thread.
    double beyond(double bytes) const {
        return bytes / double(std::min<int64_t>(threads, tasks())) / machine.memory_rate * shown;
    }

    // Microseconds of a call whose tasks read and write `bytes` together.
    double call_us(double each_us, double bytes) const { return spread(each_us, bytes) + beyond(bytes) + around(); }
};

}  // namespace striate
