// The gradient of a convolution with respect to its weights: for each filter, channel and tap the dot product of the
// output's gradient with the pixels that the tap meets.
//
// A task has some filters of a group and some of its columns, which are pairs of a channel and a kernel column. For
// each band of output rows it lays out, for each column, the pixels that this kernel column meets, one row after the
// other, so that each kernel row is a run of them as long as the band; then a register block of filters and taps takes
// the dot products. Dot products of bands are summed in double.
#pragma once

#include "base/numbers.hpp"
#include "base/problem.hpp"

#include <cstddef>

namespace striate {

struct WeightGradientPlan {
    Problem p;
    int64_t lanes;
    int64_t images, rows, width;  // of a band; more than one image where it takes all of their pixels
    int64_t filters, k_tasks;     // of a task, tasks along them
    int64_t columns, c_tasks;     // of a task, tasks along them
    int64_t phases_y, shift_y;  // of the stride, with a kernel row in them; rows that a band's laid out pixels are more
    bool in_place;              // the input is laid out so already

    int64_t group_columns() const { return p.group_c() * p.kw; }
    int64_t phase_elements() const { return (rows + shift_y) * width; }
    int64_t column_elements() const { return phases_y * phase_elements(); }
    int64_t image_elements() const { return columns * column_elements(); }
    int64_t sum_count() const { return filters * columns * p.kh; }
    int64_t tasks() const { return p.groups * k_tasks * c_tasks; }
    size_t workspace() const {
        return size_t(sum_count()) * sizeof(double) +
               size_t(in_place ? 0 : images * image_elements()) * size_t(p.element_bytes());
    }
};

// The band decides the bits, and depends on the problem and the instruction set alone.
WeightGradientPlan plan_weight_gradient(const Problem& p, int64_t lanes, int threads);

}  // namespace striate
