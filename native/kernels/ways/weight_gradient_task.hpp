// What the kernels of the weights' gradient share: how a task lays out the pixels that its taps meet.
#pragma once

#include "base/pool.hpp"
#include "simd/rows.hpp"
#include "ways/weight_gradient.hpp"

namespace striate::STRIATE_TARGET {

// The runs of numbers that a register block multiplies: `count` of them for each of `images`.
struct Runs {
    int64_t images, count;
    int64_t grad_image, x_image;  // from one image to the next
    int64_t plane;                // of the gradient, from one filter to the next
};

template <class T>
struct WeightGradientTask {
    const WeightGradientPlan& d;
    const Args& a;
    int64_t group, k0, filters, column0, columns;
    double* sums;
    const T** starts;  // of the pixels that each tap meets, where filters are along the lanes
    T *turned, *laid_out;

    WeightGradientTask(const WeightGradientPlan& plan, const Args& args, const Unit& unit)
        : d(plan),
          a(args),
          group(unit.task / d.c_tasks / d.k_tasks),
          k0(unit.task / d.c_tasks % d.k_tasks * d.filters),
          filters(least(d.filters, d.p.group_k() - k0)),
          column0(unit.task % d.c_tasks * d.columns),
          columns(least(d.columns, d.group_columns() - column0)),
          sums(static_cast<double*>(unit.memory)),
          starts(reinterpret_cast<const T**>(sums + d.sum_count())),
          turned(reinterpret_cast<T*>(starts + d.start_count())),
          laid_out(turned + d.turned_count()) {}

    int64_t taps() const { return columns * d.p.kh; }
    T* out() const { return static_cast<T*>(a.out) + (group * d.p.group_k() + k0) * filter_size(); }
    int64_t filter_size() const { return d.p.group_c() * d.p.taps(); }

    // The pixels of output rows [oy, oy + rows) and columns [ox, ox + width) that column `i` of the task meets.
    void lay_out(int64_t image, int64_t i, int64_t oy, int64_t rows, int64_t ox, int64_t width, T* to) const {
        const Problem& p = d.p;
        const int64_t column = column0 + i, s = column % p.kw;
        const T* const from =
            static_cast<const T*>(a.x) + (image * p.c + group * p.group_c() + column / p.kw) * p.h * p.w;
        for (int64_t phase = 0; phase < d.phases_y; ++phase) {
            const int64_t top = oy * p.sh + phase * p.dh % p.sh - p.pad_top;
            const auto row = [&](int64_t y) {
                const int64_t at = top + y * p.sh;
                return at >= 0 && at < p.h ? from + at * p.w : nullptr;
            };
            copy_rows<T>(to + i * d.column_elements() + phase * d.phase_elements(), width, rows + d.shift_y, row, p.w,
                         ox * p.sw + s * p.dw - p.pad_left, p.sw);
        }
    }

    // Where the pixels begin that kernel row r of the task's column `i` meets.
    const T* pixels(int64_t image, int64_t i, int64_t r, int64_t oy, int64_t width) const {
        const Problem& p = d.p;
        if (d.in_place) {
            const int64_t channel = image * p.c + group * p.group_c() + column0 + i;
            return static_cast<const T*>(a.x) + (channel * p.h + oy + r * p.dh) * p.w;
        }
        return laid_out + i * d.column_elements() + r % d.phases_y * d.phase_elements() + r * p.dh / p.sh * width;
    }

    // Calls multiply(runs, grad, pixels) for one band after the other: the first filter's gradient, and pixels(i, r).
    template <class Multiply>
    void each_band(const Multiply& multiply) const {
        const Problem& p = d.p;
        const int64_t plane = p.oh * p.ow;
        for (int64_t image = 0; image < p.n; image += d.images)
            for (int64_t oy = 0; oy < p.oh; oy += d.rows)
                for (int64_t ox = 0; ox < p.ow; ox += d.width) {
                    const int64_t images = least(d.images, p.n - image);
                    const int64_t rows = least(d.rows, p.oh - oy), width = least(d.width, p.ow - ox);
                    for (int64_t j = 0; j < images && !d.in_place; ++j)
                        for (int64_t i = 0; i < columns; ++i)
                            lay_out(image + j, i, oy, rows, ox, width, laid_out + j * d.image_elements());
                    const T* const grad = static_cast<const T*>(a.packed) +
                                          (image * p.k + group * p.group_k() + k0) * plane + oy * p.ow + ox;
                    const int64_t x_image = d.in_place ? p.c * p.h * p.w : d.image_elements();
                    multiply(Runs{images, rows * width, p.k * plane, x_image, plane}, grad,
                             [&](int64_t i, int64_t r) { return pixels(image, i, r, oy, width); });
                }
    }
};

}  // namespace striate::STRIATE_TARGET
