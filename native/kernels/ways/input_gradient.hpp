// The gradient of a convolution with respect to its input, which is a transposed convolution: the product of the turned
// weights with the output's gradient, whose rows are pairs of a channel and a tap, each then added to the pixels that
// its tap meets.
//
// Weights are read once, in runs as they lie, and no packed copy of all of them is made: a task packs those of its
// channels. Small planes of many channels, where packing takes longest beside the products, and strides, which make
// the product no larger, gain by it.
#pragma once

#include "base/numbers.hpp"
#include "base/problem.hpp"

#include <algorithm>
#include <cstddef>

namespace striate {

struct Machine;

struct InputGradientPlan {
    Problem p;  // the convolution's
    int64_t lanes;
    int64_t channels, c_tasks;  // of a task; tasks along a group's
    int64_t images, n_tasks;    // of a task; tasks along them
    int64_t band_rows;          // rows of the output's gradient that are multiplied at a time
    int64_t vectors, rows;      // the largest register block: vectors of columns, pixels broadcast

    // Products summed in one chain; sums of chains are then added in order.
    static constexpr int64_t chain = 128;

    // Nothing is to be added up: each column is a channel, in the output's own order.
    bool plain() const { return p.pointwise() && p.sh == 1 && p.sw == 1 && p.h == p.oh && p.w == p.ow; }
    int64_t column_vectors() const { return ceil_div(channels * p.taps(), lanes); }
    int64_t column_blocks() const { return ceil_div(column_vectors(), vectors); }
    int64_t bands() const { return ceil_div(p.oh, band_rows); }
    int64_t band_pixels() const { return band_rows * p.ow; }
    int64_t pixel_blocks() const { return ceil_div(band_pixels(), rows); }
    // A channel's pixels with all that the taps reach, columns apart by their phase of the stride.
    int64_t frame_rows() const { return std::max(p.pad_top + p.h, (p.oh - 1) * p.sh + (p.kh - 1) * p.dh + 1); }
    int64_t phase_width() const {
        return ceil_div(std::max(p.pad_left + p.w, (p.ow - 1) * p.sw + (p.kw - 1) * p.dw + 1), p.sw);
    }
    int64_t frame_elements() const { return frame_rows() * p.sw * phase_width(); }

    int64_t weight_elements() const { return p.group_k() * column_vectors() * lanes; }
    int64_t sum_elements() const { return band_pixels() * column_vectors() * lanes; }
    int64_t turned_pitch() const { return band_pixels() + lanes; }
    int64_t turned_elements() const { return column_vectors() * lanes * turned_pitch(); }
    int64_t all_frames() const { return plain() ? 0 : channels * frame_elements() + lanes; }
    int64_t line_elements() const { return plain() || p.sw == 1 ? 0 : p.sw * (phase_width() + lanes) + lanes; }
    // For each kernel column, which lanes of a vector it meets, and where.
    size_t meeting_bytes() const { return size_t(p.kw) * 64; }
    size_t workspace() const {
        return size_t(weight_elements() + sum_elements() + turned_elements() + all_frames() + line_elements()) * 4 +
               meeting_bytes();
    }
    int64_t tasks() const { return p.groups * c_tasks * n_tasks; }
};

// Any problem of float32 numbers. The split falls by `threads`, the bits do not. `us` is what the call should take.
InputGradientPlan plan_input_gradient(const Problem& p, const Machine& m, int threads, double* us);

}  // namespace striate
