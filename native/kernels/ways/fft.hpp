// The Fourier way, by tiles: for large kernels. float32, any stride, dilation and groups.
//
// A vector holds `lanes` independent tiles: of consecutive channels of a depthwise convolution, or of consecutive
// places. Nothing passes between lanes. A tile is a square of `size` pixels; its circular correlation is right for the
// outputs whose window does not wrap into other pixels. Where one tile takes the whole image, its zero padding may wrap
// into itself. Sums that come out non-finite spoil the call.
#pragma once

#include "base/numbers.hpp"
#include "base/problem.hpp"

#include <cstddef>

namespace striate {

struct FftPlan {
    static constexpr int64_t sizes[] = {8, 12, 16, 18, 24, 32, 36, 48, 64, 72, 96, 128, 144, 192}, largest = 192;

    Problem p;
    int64_t lanes;
    int64_t size;            // side of a tile, one of those
    bool by_channel;         // the lanes are channels, not places
    int64_t step_y, step_x;  // dense output pixels per tile
    int64_t tiles_y, tiles_x;

    int64_t extent_y() const { return p.dh * (p.kh - 1) + 1; }
    int64_t extent_x() const { return p.dw * (p.kw - 1) + 1; }
    int64_t dense_h() const { return (p.oh - 1) * p.sh + 1; }
    int64_t dense_w() const { return (p.ow - 1) * p.sw + 1; }
    int64_t columns() const { return size / 2 + 1; }
    int64_t spectrum() const { return columns() * size * 2; }  // elements per lane of the weights'
    int64_t pitch() const {
        return size + 1;
    }  // from column to column: an odd number keeps them off the same cache set
    int64_t places() const { return p.n * tiles_y * tiles_x; }
    int64_t lane_groups() const { return ceil_div(by_channel ? p.groups : places(), lanes); }
    int64_t tasks() const { return by_channel ? lane_groups() * places() : lane_groups() * p.groups; }
    bool single() const { return p.group_c() == 1 && p.group_k() == 1; }

    // The spectra of the inputs (the product shares the only one's place), then three rows with a vector's room.
    int64_t spectra() const { return single() ? 1 : p.group_c() + 1; }
    size_t workspace() const {
        return aligned(size_t((spectra() * columns() * pitch() + 3 * size + lanes) * 2 * lanes) * sizeof(float));
    }
    int64_t weight_elements() const { return (by_channel ? lane_groups() * lanes : p.k * p.group_c()) * spectrum(); }
    int64_t twiddle_elements() const { return (2 * size + 15) / 16 * 16; }
    size_t packed_bytes() const { return size_t(twiddle_elements() + weight_elements()) * sizeof(float); }
};

}  // namespace striate
