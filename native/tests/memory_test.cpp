// Memory that is kept comes back for the same size alone, is bounded, and is nobody else's meanwhile.
#include "base/memory.hpp"
#include "check.hpp"

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

using namespace striate;

namespace {

void same_size_comes_back() {
    constexpr size_t bytes = 9 << 20;
    Memory first = allocate(bytes);
    CHECK(reinterpret_cast<uintptr_t>(first.get()) % 64 == 0, "not aligned");
    void* const place = first.get();
    keep(std::move(first), bytes);
    const Memory other = reuse(bytes / 2);
    CHECK(other.get() != place, "another size got the kept block");
    const Memory again = reuse(bytes);
    CHECK(again.get() == place, "the kept block did not come back");
    CHECK(reuse(bytes).get() != place, "the block was given twice");
}

void oldest_makes_room() {
    std::vector<void*> places;
    for (size_t i = 0; i < 3; ++i) {
        Memory block = allocate(4096 + i * 64);
        places.push_back(block.get());
        keep(std::move(block), 4096 + i * 64);
    }
    CHECK(reuse(4096 + 128).get() == places[2], "the newest block is gone");
    CHECK(reuse(4096 + 64).get() == places[1], "the second block is gone");
}

void threads_share_no_block() {
    std::vector<std::thread> threads;
    for (int id = 0; id < 4; ++id)
        threads.emplace_back([id] {
            for (int round = 0; round < 2000; ++round) {
                Memory block = reuse(512);
                std::memset(block.get(), id, 512);
                std::this_thread::yield();
                const char* const bytes = static_cast<const char*>(block.get());
                for (int i = 0; i < 512; i += 64) CHECK(bytes[i] == char(id), "another thread wrote to the block");
                keep(std::move(block), 512);
            }
        });
    for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main() {
    same_size_comes_back();
    oldest_makes_room();
    threads_share_no_block();
    return 0;
}
