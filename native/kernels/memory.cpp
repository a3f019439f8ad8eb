#include "memory.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include <sys/mman.h>

namespace striate {
namespace {

constexpr size_t huge_page = 2 * 1024 * 1024;

struct Kept {
    Memory memory;
    size_t bytes;
};
std::atomic<Kept*> kept[2];

}  // namespace

void Freed::operator()(void* p) const { std::free(p); }

Memory allocate(size_t bytes) {
    const size_t page = bytes < 4 * huge_page ? 64 : huge_page, rounded = (bytes + 64 + page - 1) / page * page;
    Memory memory(std::aligned_alloc(page, rounded));
    if (!memory) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    if (page == huge_page) madvise(memory.get(), rounded, MADV_HUGEPAGE);
#endif
    return memory;
}

Memory reuse(size_t bytes) {
    for (auto& slot : kept) {
        std::unique_ptr<Kept> found(slot.exchange(nullptr));
        if (!found) continue;
        if (found->bytes == bytes) return std::move(found->memory);
        Kept* empty = nullptr;
        if (slot.compare_exchange_strong(empty, found.get())) found.release();
    }
    return allocate(bytes);
}

void keep(Memory memory, size_t bytes) {
    if (bytes > most_kept) return;
    std::unique_ptr<Kept> next(new (std::nothrow) Kept{std::move(memory), bytes});
    for (auto& slot : kept)
        if (next) next.reset(slot.exchange(next.release()));
}

}  // namespace striate
