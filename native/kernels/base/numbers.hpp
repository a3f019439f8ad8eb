// Arithmetic of sizes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace striate {

[[gnu::always_inline]] constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Of a block of memory that is followed by another, which starts with a cache line.
[[gnu::always_inline]] constexpr size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace striate
