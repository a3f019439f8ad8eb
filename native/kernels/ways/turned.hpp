// Weights as the convolution that theirs transposes to needs them: filters and channels exchanged, taps from last to
// first.
#pragma once

#include "base/each.hpp"
#include "base/problem.hpp"

namespace striate {

// Of a problem's weights: `data` is (c, k/groups, height, width), contiguous; kernel row r of the problem is row
// first_row + (kh - 1 - r) * row_step of it, and columns alike.
struct Turned {
    const void* data;
    int64_t height, width;
    int64_t first_row, row_step, first_column, column_step;

    // The taps (r, s) of filter 0 of a group with its channel c, of all channels; filters follow height * width apart.
    template <class T>
    const T* tap(const Problem& p, int64_t channel, int64_t r, int64_t s) const {
        const int64_t y = first_row + (p.kh - 1 - r) * row_step, x = first_column + (p.kw - 1 - s) * column_step;
        return static_cast<const T*>(data) + (channel * p.group_k() * height + y) * width + x;
    }
};

// to[((c * kh + r) * kw + s) * pitch + k] = tap (r, s) of filter k0 + k of a group with its channel c, 0 <= k < count,
// zero for count <= k < pitch.
template <class T>
void interleave_turned(const Problem& p, const Turned& from, int64_t group, int64_t k0, int64_t count, int64_t pitch,
                       T* to) {
    const int64_t step = from.height * from.width, line = 64 / int64_t(sizeof(T));
    const T* next = static_cast<const T*>(from.data) + (group * p.group_c() * p.group_k() + k0) * step;
    for (int64_t c = 0; c < p.group_c(); ++c) {
        next += p.group_k() * step;
        for (int64_t i = 0; i < count * step; i += line) __builtin_prefetch(next + i);
        for (int64_t r = 0; r < p.kh; ++r)
            for (int64_t s = 0; s < p.kw; ++s, to += pitch) {
                const T* const taps = from.tap<T>(p, group * p.group_c() + c, r, s) + k0 * step;
                for (int64_t k = 0; k < count; ++k) to[k] = taps[k * step];
                std::fill(to + count, to + pitch, T(0));
            }
    }
}

// The problem's weights, (k, c/groups, kh, kw), on so many threads.
template <class T>
void turn_weight(const Problem& p, const Turned& from, T* to, int threads) {
    constexpr int64_t some = 16;  // channels, so that what is written of a filter fills cache lines
    const int64_t step = from.height * from.width, parts = ceil_div(p.group_c(), some);
    each(p.groups * parts, threads, [&](int64_t i) {
        const int64_t group = i / parts, c0 = i % parts * some, stop = std::min(c0 + some, p.group_c());
        for (int64_t k = 0; k < p.group_k(); ++k) {
            T* at = to + ((group * p.group_k() + k) * p.group_c() + c0) * p.taps();
            for (int64_t c = c0; c < stop; ++c) {
                const T* row = from.tap<T>(p, group * p.group_c() + c, 0, 0) + k * step;
                for (int64_t r = 0; r < p.kh; ++r, row -= from.row_step * from.width)
                    for (int64_t s = 0; s < p.kw; ++s) *at++ = row[-s * from.column_step];
            }
        }
    });
}

}  // namespace striate
