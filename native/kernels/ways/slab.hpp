// The padded copy of a band of input rows that `direct` reads.
#pragma once

#include "simd/rows.hpp"
#include "ways/direct.hpp"

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
                copy_rows<T>(slab, d.pitch, count, row, p.w, left, p.sw);
                store<T>(slab + count * d.pitch, Vec<T>{});  // the last vector of pixels may reach past the rows
            }
}

}  // namespace striate::STRIATE_TARGET
