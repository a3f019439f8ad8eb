// The pool: every task once, from many callers at once, after fork, with more threads than CPUs.
#include "base/pool.hpp"
#include "check.hpp"

#include <atomic>
#include <cfenv>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

using namespace striate;

namespace {

struct Counts {
    std::vector<std::atomic<int>> of;
    explicit Counts(size_t size) : of(size) {}
};

void count(void* context, const Unit& unit) {
    char* const memory = static_cast<char*>(unit.memory);
    if (unit.before >= 0) CHECK(memory[63] == char(unit.before), "scratch of task %d does not stand", int(unit.before));
    memory[63] = char(unit.task);
    static_cast<Counts*>(context)->of[size_t(unit.task)].fetch_add(1);
}

// Returns when no task is left.
void wait_for(const std::atomic<int>& left) {
    const auto stop = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (left.load() > 0) {
        CHECK(std::chrono::steady_clock::now() < stop, "%d tasks wait for a thread that is held up", left.load());
        std::this_thread::yield();
    }
}

// The first task waits for all others: those of its thread's share, too, which another thread has to take over.
void wait_for_others(void* context, const Unit& unit) {
    std::atomic<int>& left = *static_cast<std::atomic<int>*>(context);
    if (unit.task > 0) left.fetch_sub(1);
    else wait_for(left);
}

void taken_over() {
    std::atomic<int> left(15);
    parallel_for(16, 2, 64, wait_for_others, &left);
}

// Each of two threads has one task, which waits for the other.
void round_up(void* context, const Unit&) {
    CHECK(std::fegetround() == FE_UPWARD, "a thread does not round as its caller");
    static_cast<std::atomic<int>*>(context)->fetch_sub(1);
    wait_for(*static_cast<std::atomic<int>*>(context));
}

void rounding() {
    std::fesetround(FE_UPWARD);
    std::atomic<int> left(2);
    parallel_for(2, 2, 64, round_up, &left);
    std::fesetround(FE_TONEAREST);
}

void each_once(int64_t tasks, int threads) {
    Counts counts(static_cast<size_t>(tasks));
    parallel_for(tasks, threads, 64, count, &counts);
    for (const auto& n : counts.of) CHECK(n.load() == 1, "a task ran %d times", n.load());
}

void many_callers() {
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i)
        callers.emplace_back([] {
            for (int j = 0; j < 300; ++j) each_once(1 + j % 7, 2 + j % 3);
        });
    for (auto& caller : callers) caller.join();
}

#if defined(__SANITIZE_THREAD__)
constexpr bool forks = false;  // the sanitizer does not follow a fork of a process with threads
#else
constexpr bool forks = true;
#endif

void forked() {
    const pid_t child = fork();
    CHECK(child >= 0, "fork failed");
    if (child == 0) {
        for (int i = 0; i < 100; ++i) each_once(5, 3);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with status %d", status);
}

void environment() {
    const auto with = [](const char* own, const char* openmp) {
        own ? setenv("STRIATE_NUM_THREADS", own, 1) : unsetenv("STRIATE_NUM_THREADS");
        openmp ? setenv("OMP_NUM_THREADS", openmp, 1) : unsetenv("OMP_NUM_THREADS");
        return default_threads();
    };
    CHECK(with("5", "3") == 5, "STRIATE_NUM_THREADS is not heeded");
    CHECK(with(nullptr, "3") == 3, "OMP_NUM_THREADS is not heeded");
    CHECK(with(nullptr, "4,2") == 4, "a list of OpenMP's is not read");
    CHECK(with("", "3") == 3 && with("0", "3") == 3 && with("many", "3") == 3 && with("-1", "3") == 3,
          "not a number of threads");
    CHECK(with("100000", nullptr) == max_threads, "more than the most");
    CHECK(with(nullptr, nullptr) == available_cpus(), "not the available CPUs");
}

}  // namespace

int main() {
    CHECK(available_cpus() >= 1, "no CPU");
    set_threads(3);
    CHECK(get_threads() == 3, "set_threads was not kept");
    set_threads(0);
    CHECK(get_threads() == default_threads(), "0 threads does not mean the default");
    environment();
    each_once(1, 4);
    for (int i = 0; i < 2000; ++i) each_once(1 + i % 13, 1 + i % 5);
    taken_over();
    rounding();
    many_callers();
    if (forks) forked();
    each_once(50, 4);
    return 0;
}
