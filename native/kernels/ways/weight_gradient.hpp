// The gradient of a convolution with respect to its weights: for each filter, channel and tap the dot product of the
// output's gradient with the pixels that the tap meets.
//
// A task has some filters of a group and some of its columns, which are pairs of a channel and a kernel column. For
// each band of output rows it lays out, for each column, the pixels that this kernel column meets, one row after the
// other, so that each kernel row is a run of them as long as the band; then a register block of filters and taps takes
// the dot products. Dot products of bands are summed in double.
//
// Lanes hold neighbouring pixels, and are summed at the end of a band; or, `by_lanes`, filters: the band's gradient is
// turned to [pixel][filter] for it, pixels are broadcast, and a task has whole channels. As pixels need not be
// neighbours then, kernel columns may share one copy of the rows. Few weights make few tasks, so that the bands are cut
// into parts, each with sums of its own.
#pragma once

#include "base/numbers.hpp"
#include "base/problem.hpp"

#include <cstddef>

namespace striate {

struct WeightGradientPlan {
    Problem p;
    int64_t lanes;
    int64_t images, rows, width;  // of a band; more than one image where it takes all of their pixels
    int64_t bands;                // in all
    int64_t parts, part_bands;    // that these are cut into, more than one where the weights are few; bands of a part
    int64_t filters, k_tasks;     // of a task, tasks along them
    int64_t columns, c_tasks;     // of a task, tasks along them
    int64_t phases_y, shift_y;  // of the stride, with a kernel row in them; rows that a band's laid out pixels are more
    int64_t copies, shift_x;  // of a channel's rows, for every kernel column or, longer by shift_x, phase of the stride
    bool in_place;            // the input is laid out so already
    bool by_lanes;            // filters along the lanes
    bool keeps_turned;        // the turned gradient of all bands of a part, for all tasks of the same filters

    // By lanes, products summed in one chain.
    static constexpr int64_t chain = 128;

    int64_t group_columns() const { return p.group_c() * p.kw; }
    bool by_columns() const { return shift_x == 0; }
    int64_t phase_elements() const { return (rows + shift_y) * (width + shift_x); }
    int64_t copy_elements() const { return phases_y * phase_elements(); }
    int64_t copies_of(int64_t some) const { return by_columns() ? some : some / p.kw * copies; }
    int64_t image_elements() const { return copies_of(columns) * copy_elements(); }
    int64_t padded_filters() const { return by_lanes ? ceil_div(filters, lanes) * lanes : filters; }
    int64_t sum_count() const { return padded_filters() * columns * p.kh; }
    int64_t start_count() const { return by_lanes ? aligned(columns * p.kh * 8) / 8 : 0; }
    int64_t band_turned() const { return by_lanes ? padded_filters() * images * rows * width : 0; }
    int64_t turned_count() const { return (keeps_turned ? part_bands : 1) * band_turned(); }
    int64_t tasks() const { return p.groups * k_tasks * parts * c_tasks; }
    size_t workspace() const {
        return size_t(sum_count() + start_count()) * sizeof(double) +
               size_t(turned_count() + (in_place ? 0 : images * image_elements())) * size_t(p.element_bytes());
    }
};

// Whether filters along the lanes are worth turning the gradient: they fill the lanes, and taps are not few.
bool worth_lanes(const Problem& p, int64_t lanes);

// Bands and parts decide the bits, and depend on the problem, the instruction set and `by_lanes` alone.
WeightGradientPlan plan_weight_gradient(const Problem& p, int64_t lanes, bool by_lanes, int threads);

}  // namespace striate
