// The padded copy of a band of input rows that `direct` reads.
#pragma once

#include "direct.hpp"
#include "rows.hpp"

namespace striate::STRIATE_TARGET {

// `channels` channels from `x` on, output rows [y0, y0 + rows): for each channel one plane per stride phase.
template <class T>
inline void fill_slab(const DirectPlan& d, const T* x, int64_t channels, int64_t y0, int64_t rows, T* slab) {
    const Problem& p = d.p;
    const int64_t plane = d.slab_rows() * d.pitch, count = rows + d.shift_y;
    for (int64_t c = 0; c < channels; ++c)
        for (int64_t py = 0; py < d.phases_y; ++py)
            for (int64_t px = 0; px < d.phases_x; ++px, slab += plane) {
                const int64_t top = py * p.dh % p.sh - p.pad_top, left = px * p.dw % p.sw - p.pad_left;
                const T* const from = x + c * p.h * p.w;
                const auto row = [&](int64_t i) {
                    const int64_t y = (y0 + i) * p.sh + top;
                    return y >= 0 && y < p.h ? from + y * p.w : nullptr;
                };
                const auto copy = [&](auto vectors) __attribute__((always_inline)) {
                    constexpr int last = vectors - 1;
                    Span<T> spans[vectors];
                    static_for<vectors>([&](auto v) { spans[v] = span_inside<T>(left + v * lanes<T>, p.w); });
                    for (int64_t i = 0; i < count; ++i) {
                        const T* const at = row(i);
                        T* const to = slab + i * d.pitch;
                        static_for<vectors>([&](auto v) __attribute__((always_inline)) {
                            const Vec<T> pixels = at ? load_span<T>(at + left + v * lanes<T>, spans[v]) : Vec<T>{};
                            if (v < last) store<T>(to + v * lanes<T>, pixels);
                            else store_first<T>(to + v * lanes<T>, pixels, d.pitch - last * lanes<T>);
                        });
                    }
                };
                if (p.sw == 1 && d.pitch <= lanes<T>) copy(std::integral_constant<int, 1>{});
                else if (p.sw == 1 && d.pitch <= 2 * lanes<T>) copy(std::integral_constant<int, 2>{});
                else
                    for (int64_t i = 0; i < count; ++i) copy_row<T>(slab + i * d.pitch, row(i), p.w, left, p.sw, d.pitch);
            }
    for (int64_t i = 0; i < d.lanes; ++i) slab[i] = T(0);
}

}  // namespace striate::STRIATE_TARGET
