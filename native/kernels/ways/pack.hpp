// Packing filters by blocks of them.
#pragma once

#include "base/each.hpp"

namespace striate {

// to[i * width + k] = filters[k][i] for 0 <= k < count, zero for count <= k < width; `size` numbers of each filter. So
// few filters are followed by the processor as they are read side by side; of more, some cache lines of each are taken
// in turn, with the next asked for.
template <class T>
void interleave_filters(const T* filters, int64_t size, int64_t count, int64_t width, T* to) {
    constexpr int64_t few = 16, line = 64 / int64_t(sizeof(T)), span = 4 * line;
    if (width <= few) {
        for (int64_t i = 0; i < size; ++i)
            for (int64_t k = 0; k < width; ++k) *to++ = k < count ? filters[k * size + i] : T(0);
        return;
    }
    for (int64_t start = 0; start < size; start += span) {
        const int64_t stop = std::min(size, start + span);
        for (int64_t k = 0; k < count; ++k) {
            const T* const from = filters + k * size;
            for (int64_t i = stop; i < std::min(size, stop + span); i += line) __builtin_prefetch(from + i);
            for (int64_t i = start; i < stop; ++i) to[i * width + k] = from[i];
        }
        for (int64_t i = start; i < stop; ++i) std::fill(to + i * width + count, to + (i + 1) * width, T(0));
    }
}

// Threads that so many bytes are worth.
inline int packing_threads(size_t bytes) { return bytes < size_t(1) << 16 ? 1 : get_threads(); }

}  // namespace striate
