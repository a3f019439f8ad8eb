// Memory for packed weights and for large results.
#pragma once

#include <cstddef>
#include <memory>

namespace striate {

struct Freed {
    void* block;  // what the C library gave, where the memory lies in
    void operator()(void*) const;
};
using Memory = std::unique_ptr<void, Freed>;

// `bytes` bytes, aligned to 64, on huge pages from 4 MiB on. Throws std::bad_alloc. By malloc, which takes freed memory
// again: aligned_alloc of large blocks gives it back to the system and has it zeroed afresh.
Memory allocate(size_t bytes);

// The same for a result that a caller frees and soon wants again: fresh pages, zeroed by the system, may cost more than
// computing what they hold. `reuse` takes a block that `keep` has kept, if there is one of the size. Two blocks of at
// most 128 MiB are kept; the oldest makes room. Safe from any thread and after fork.
constexpr size_t most_kept = size_t(128) << 20;
Memory reuse(size_t bytes);
void keep(Memory memory, size_t bytes);

}  // namespace striate
