#include "base/memory.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#include <sys/mman.h>

namespace striate {
namespace {

struct Kept {
    Memory memory;
    size_t bytes;
};
std::atomic<Kept*> kept[2];

}  // namespace

void Freed::operator()(void*) const { std::free(block); }

Memory allocate(size_t bytes) {
    constexpr size_t line = 64, page = 4096, on_huge_pages = size_t(4) << 20;
    const auto up = [](uintptr_t at, size_t unit) { return reinterpret_cast<void*>((at + unit - 1) / unit * unit); };
    void* const block = std::malloc(bytes + line);
    if (!block) throw std::bad_alloc();
    void* const start = up(uintptr_t(block), line);
#ifdef MADV_HUGEPAGE
    if (bytes >= on_huge_pages) madvise(up(uintptr_t(start), page), bytes - page, MADV_HUGEPAGE);
#endif
    return {start, {block}};
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
