// What the kernels of the weights' gradient share: how a task lays out the pixels that its taps meet.
#pragma once

#include "base/pool.hpp"
#include "simd/rows.hpp"
#include "ways/weight_gradient.hpp"

namespace striate::STRIATE_TARGET {

// The runs of numbers that a register block multiplies: `count` of them for each of `images`, the input's in `rows`.
struct Runs {
    int64_t images, count;
    int64_t rows, width, pitch;   // of the input's, with width numbers each, from one to the next
    int64_t grad_image, x_image;  // from one image to the next
    int64_t plane;                // of the gradient, from one filter to the next
};

template <class T>
struct WeightGradientTask {
    const WeightGradientPlan& d;
    const Args& a;
    int64_t group, k0, filters, part, column0, columns;
    double* sums;
    const T** starts;  // of the pixels that each tap meets, where filters are along the lanes
    T *turned, *laid_out;

    WeightGradientTask(const WeightGradientPlan& plan, const Args& args, const Unit& unit)
        : d(plan),
          a(args),
          group(unit.task / d.c_tasks / d.parts / d.k_tasks),
          k0(unit.task / d.c_tasks / d.parts % d.k_tasks * d.filters),
          filters(least(d.filters, d.p.group_k() - k0)),
          part(unit.task / d.c_tasks % d.parts),
          column0(unit.task % d.c_tasks * d.columns),
          columns(least(d.columns, d.group_columns() - column0)),
          sums(static_cast<double*>(unit.memory)),
          starts(reinterpret_cast<const T**>(sums + d.sum_count())),
          turned(reinterpret_cast<T*>(starts + d.start_count())),
          laid_out(turned + d.turned_count()) {}

    int64_t taps() const { return columns * d.p.kh; }
    T* out() const {
        return static_cast<T*>(a.out) + part * d.p.weight_count() + (group * d.p.group_k() + k0) * filter_size();
    }
    int64_t filter_size() const { return d.p.group_c() * d.p.taps(); }
    int64_t copy0() const { return d.by_columns() ? column0 : column0 / d.p.kw * d.copies; }

    // Rows [oy, oy + rows) of output pixels from column ox on, as copy `i` of the task has them for its kernel columns.
    void lay_out(int64_t image, int64_t i, int64_t oy, int64_t rows, int64_t ox, int64_t pitch, T* to) const {
        const Problem& p = d.p;
        const int64_t channel = (copy0() + i) / d.copies, column = (copy0() + i) % d.copies * p.dw;
        const int64_t left = ox * p.sw + (d.by_columns() ? column : column % p.sw) - p.pad_left;
        const T* const from = static_cast<const T*>(a.x) + (image * p.c + group * p.group_c() + channel) * p.h * p.w;
        for (int64_t phase = 0; phase < d.phases_y; ++phase) {
            const int64_t top = oy * p.sh + phase * p.dh % p.sh - p.pad_top;
            const auto row = [&](int64_t y) {
                const int64_t at = top + y * p.sh;
                return at >= 0 && at < p.h ? from + at * p.w : nullptr;
            };
            copy_rows<T>(to + i * d.copy_elements() + phase * d.phase_elements(), pitch, rows + d.shift_y, row, p.w,
                         left, p.sw);
        }
    }

    // Where the pixels begin that kernel row r of the task's column `i` meets, in rows `pitch` apart.
    const T* pixels(int64_t image, int64_t i, int64_t r, int64_t oy, int64_t ox, int64_t pitch) const {
        const Problem& p = d.p;
        const int64_t row = r % d.phases_y * d.phase_elements() + r * p.dh / p.sh * pitch;
        if (d.by_columns() && !d.in_place) return laid_out + i * d.copy_elements() + row;
        const int64_t column = column0 + i, s = column % p.kw;
        if (d.in_place) {
            const int64_t channel = image * p.c + group * p.group_c() + column / p.kw;
            return static_cast<const T*>(a.x) + (channel * p.h + oy + r * p.dh) * p.w + ox + s * p.dw;
        }
        const int64_t copy = i / p.kw * d.copies + s % d.copies;
        return laid_out + copy * d.copy_elements() + row + s * p.dw / p.sw;
    }

    // Calls multiply(band, runs, grad, pixels) for the bands of the task's part, `band` from 0 on: the first filter's
    // gradient, and pixels(i, r).
    template <class Multiply>
    void each_band(const Multiply& multiply) const {
        const Problem& p = d.p;
        const int64_t plane = p.oh * p.ow, copied = d.in_place ? 0 : d.copies_of(columns);
        const int64_t first = part * d.part_bands, count = least(d.part_bands, d.bands - first);
        int64_t image = 0, oy = 0, ox = 0;
        if (first) {
            const int64_t across = ceil_div(p.ow, d.width), down = ceil_div(p.oh, d.rows);
            image = first / across / down * d.images;
            oy = first / across % down * d.rows;
            ox = first % across * d.width;
        }
        for (int64_t band = 0; band < count; ++band) {
            const int64_t images = least(d.images, p.n - image), rows = least(d.rows, p.oh - oy);
            const int64_t width = least(d.width, p.ow - ox);
            const int64_t pitch = d.in_place ? p.w : width + d.shift_x;
            for (int64_t j = 0; j < images; ++j)
                for (int64_t i = 0; i < copied; ++i)
                    lay_out(image + j, i, oy, rows, ox, pitch, laid_out + j * d.image_elements());
            const T* const grad =
                static_cast<const T*>(a.packed) + (image * p.k + group * p.group_k() + k0) * plane + oy * p.ow + ox;
            Runs runs{images, rows * width, rows, width, pitch, p.k * plane, d.image_elements(), plane};
            if (d.in_place) runs.x_image = p.c * p.h * p.w;
            if (pitch == width) runs.rows = 1, runs.width = runs.count;
            multiply(band, runs, grad, [&](int64_t i, int64_t r) { return pixels(image, i, r, oy, ox, pitch); });
            if ((ox += d.width) < p.ow) continue;
            ox = 0;
            if ((oy += d.rows) < p.oh) continue;
            oy = 0;
            image += d.images;
        }
    }
};

}  // namespace striate::STRIATE_TARGET
