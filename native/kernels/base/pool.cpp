#include "base/pool.hpp"

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include <pthread.h>
#include <sched.h>

namespace striate {
namespace {

constexpr auto spin_time = std::chrono::microseconds(50);

void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Waits for `ready` without sleeping, up to `limit`; gives the CPU to others now and then.
template <class Ready>
bool spin(Ready ready, std::chrono::steady_clock::duration limit) {
    const auto start = std::chrono::steady_clock::now();
    for (;;) {
        for (int i = 0; i < 64; ++i) {
            if (ready()) return true;
            relax();
        }
        if (std::chrono::steady_clock::now() - start > limit) return ready();
        sched_yield();
    }
}

// Grows as needed and stays with its thread, so that calls touch no fresh pages.
struct Scratch {
    void* memory = nullptr;
    size_t bytes = 0;

    Scratch() = default;
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() { std::free(memory); }

    void reserve(size_t wanted) {
        if (wanted <= bytes) return;
        std::free(memory);
        bytes = (wanted + 4095) / 4096 * 4096;
        memory = std::aligned_alloc(4096, bytes);
        if (!memory) {
            bytes = 0;
            throw std::bad_alloc();
        }
    }
};
thread_local Scratch own_scratch;

class Pool {
public:
    // False, with nothing run, where another caller holds the workers.
    bool run(int64_t tasks, int threads, size_t scratch_bytes, Task task, void* context) {
        if (busy_.exchange(true, std::memory_order_acquire)) return false;
        const int helpers = int(std::min<int64_t>(threads, tasks)) - 1;
        start_workers(helpers);
        task_ = task;
        context_ = context;
        scratch_bytes_ = scratch_bytes;
        std::fegetenv(&environment_);
        seats_taken_.store(1, std::memory_order_relaxed);
        seats_ = helpers + 1;
        for (int64_t seat = 0; seat < seats_; ++seat) {
            shares_[seat].next.store(seat * tasks / seats_, std::memory_order_relaxed);
            shares_[seat].stop = (seat + 1) * tasks / seats_;
        }
        open_.store(true);
        epoch_.fetch_add(1);
        if (sleepers_.load() > 0) {
            const std::lock_guard lock(mutex_);
            wake_.notify_all();
        }
        drain(0);
        open_.store(false);
        while (!spin([&] { return inside_.load() == 0; }, std::chrono::milliseconds(1))) {
        }
        busy_.store(false, std::memory_order_release);
        return true;
    }

private:
    void start_workers(int wanted) {
        try {
            for (; workers_ < wanted; ++workers_) std::thread(&Pool::work, this, epoch_.load()).detach();
        } catch (const std::system_error&) {
            // A process at its thread limit computes with the workers it has.
        }
    }

    // The share of one's own seat first, which the same thread's caches held at the last call; then what others have
    // left.
    void drain(int seat) {
        Unit unit{0, -1, own_scratch.memory};
        for (int turn = 0; turn < seats_; ++turn) {
            Share& share = shares_[(seat + turn) % seats_];
            for (; (unit.task = share.next.fetch_add(1, std::memory_order_relaxed)) < share.stop;
                 unit.before = unit.task)
                task_(context_, unit);
        }
    }

    // A worker counts itself inside before it looks at `open_`; the caller closes before it looks at `inside_`. So a
    // caller that sees nobody inside knows that no worker still reads its job.
    void help() {
        inside_.fetch_add(1);
        try {
            int seat;
            if (open_.load() && (seat = seats_taken_.fetch_add(1)) < seats_) {
                own_scratch.reserve(scratch_bytes_);
                std::fesetenv(&environment_);
                drain(seat);
            }
        } catch (const std::bad_alloc&) {
            // A worker without memory takes no task; the caller, whose memory is there, runs them all.
        }
        inside_.fetch_sub(1);
    }

    void work(uint64_t seen) {
        for (;;) {
            const auto changed = [&] { return epoch_.load() != seen; };
            if (!spin(changed, spin_time)) {
                std::unique_lock lock(mutex_);
                sleepers_.fetch_add(1);
                wake_.wait(lock, changed);
                sleepers_.fetch_sub(1);
            }
            seen = epoch_.load();
            help();
        }
    }

    // The tasks from `next` to `stop`: one thread's, until another is done with its own.
    struct alignas(64) Share {
        std::atomic<int64_t> next{0};
        int64_t stop = 0;
    };

    std::atomic<bool> busy_{false}, open_{false};
    std::atomic<int> inside_{0}, seats_taken_{0}, sleepers_{0};
    alignas(64) std::atomic<uint64_t> epoch_{0};
    alignas(64) Task task_ = nullptr;
    void* context_ = nullptr;
    size_t scratch_bytes_ = 0;
    std::fenv_t environment_{};
    int seats_ = 0;
    Share shares_[max_threads];
    int workers_ = 0;
    std::mutex mutex_;
    std::condition_variable wake_;
};

// Never destroyed: workers outlive static destructors. A forked child has no workers, so it gets a new pool.
std::atomic<Pool*> current{nullptr};
std::atomic<int> chosen_threads{0};

Pool& pool() {
    static const bool once = [] {
        current.store(new Pool);
        pthread_atfork(nullptr, nullptr, [] { current.store(new Pool); });
        return true;
    }();
    (void)once;
    return *current.load(std::memory_order_acquire);
}

}  // namespace

void set_threads(int count) { chosen_threads.store(std::clamp(count, 0, max_threads)); }

int get_threads() {
    const int count = chosen_threads.load();
    if (count > 0) return count;
    static const int by_default = default_threads();
    return by_default;
}

void parallel_for(int64_t tasks, int threads, size_t scratch_bytes, Task task, void* context) {
    own_scratch.reserve(scratch_bytes);
    if (threads > 1 && tasks > 1 && pool().run(tasks, std::min(threads, max_threads), scratch_bytes, task, context))
        return;
    for (int64_t i = 0; i < tasks; ++i) task(context, {i, i - 1, own_scratch.memory});
}

}  // namespace striate
