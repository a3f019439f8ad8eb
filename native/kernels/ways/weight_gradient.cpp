#include "ways/weight_gradient.hpp"

#include "base/pool.hpp"
#include "simd/rows.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int most_rows = vector_bytes == 64 ? 6 : 4;
// Taps of a register block of so many filters.
constexpr int most_taps(int rows) { return rows <= 2 ? (vector_bytes == 64 ? 8 : 4) : vector_bytes == 64 ? 4 : 3; }

// Lane i of the result is the sum of the lanes of v[i].
template <class T, int Count>
[[gnu::always_inline]] inline Vec<T> lane_sums(Vec<T> (&v)[Count]) {
    if constexpr (Count == 1) return v[0];
    else {
        Vec<T> half[Count / 2];
        static_for<Count / 2>([&](auto i) INLINE {
            half[i] = even_lanes<T>(v[2 * i], v[2 * i + 1]) + odd_lanes<T>(v[2 * i], v[2 * i + 1]);
        });
        return lane_sums<T>(half);
    }
}

// The runs of numbers that a register block multiplies: `count` of them for each of `images`.
struct Runs {
    int64_t images, count;
    int64_t grad_image, x_image;  // from one image to the next
    int64_t plane;                // of the gradient, from one filter to the next
};

// sums[i * pitch + j] += the dot product of the runs from grad + i * plane and from x[j] on.
template <class T, int Rows, int Taps>
void block(const Runs& runs, const T* grad, const T* const* x, double* sums, int64_t pitch) {
    constexpr int L = lanes<T>, blocks = int(ceil_div(Rows * Taps, L));
    Vec<T> acc[blocks * L] = {};
    const T* at[Taps];
    static_for<Taps>([&](auto j) { at[j] = x[j]; });
    const auto step = [&](int64_t from, auto&& get) INLINE {
        Vec<T> in[Taps];
        static_for<Taps>([&](auto j) INLINE { in[j] = get(at[j] + from); });
        static_for<Rows>([&](auto i) INLINE {
            const Vec<T> g = get(grad + i * runs.plane + from);
            static_for<Taps>([&](auto j) INLINE { acc[i * Taps + j] += g * in[j]; });
        });
    };
    for (int64_t image = 0; image < runs.images; ++image) {
        int64_t from = 0;
        for (; from + L <= runs.count; from += L) step(from, [](const T* p) INLINE { return load<T>(p); });
        const int64_t left = runs.count - from;
        if (left > 0) step(from, [left](const T* p) INLINE { return load_part<T>(p, left); });
        grad += runs.grad_image;
        static_for<Taps>([&](auto j) { at[j] += runs.x_image; });
    }
    T results[blocks * L];
    static_for<blocks>([&](auto b) INLINE {
        Vec<T> some[L];
        static_for<L>([&](auto i) INLINE { some[i] = acc[b * L + i]; });
        store<T>(results + b * L, lane_sums<T>(some));
    });
    for (int i = 0; i < Rows; ++i)
        for (int j = 0; j < Taps; ++j) sums[i * pitch + j] += double(results[i * Taps + j]);
}

template <class T>
struct Blocks {
    using Block = void (*)(const Runs&, const T*, const T* const*, double*, int64_t);
    Block of[most_rows][8] = {};
    constexpr Blocks() {
        static_for<most_rows>([&](auto rows) {
            static_for<most_taps(rows + 1)>([&](auto taps) { of[rows][taps] = block<T, rows + 1, taps + 1>; });
        });
    }
};
template <class T>
constexpr Blocks<T> blocks;

template <class T>
struct Task {
    const WeightGradientPlan& d;
    const Args& a;
    int64_t group, k0, filters, column0, columns;
    double* sums;
    T* laid_out;

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

    // Where the pixels that tap `tap` of the task meets begin.
    const T* pixels(int64_t image, int64_t tap, int64_t oy, int64_t width) const {
        const Problem& p = d.p;
        const int64_t i = tap / p.kh, r = tap % p.kh;
        if (d.in_place) {
            const int64_t channel = image * p.c + group * p.group_c() + column0 + i;
            return static_cast<const T*>(a.x) + (channel * p.h + oy + r * p.dh) * p.w;
        }
        return laid_out + i * d.column_elements() + r % d.phases_y * d.phase_elements() + r * p.dh / p.sh * width;
    }

    void multiply(int64_t image, int64_t images, int64_t oy, int64_t rows, int64_t ox, int64_t width) const {
        const Problem& p = d.p;
        const int64_t plane = p.oh * p.ow, taps = columns * p.kh,
                      most = most_taps(int(least<int64_t>(filters, most_rows)));
        const T* const grad =
            static_cast<const T*>(a.packed) + (image * p.k + group * p.group_k() + k0) * plane + oy * p.ow + ox;
        const Runs runs{images, rows * width, p.k * plane, d.in_place ? p.c * p.h * p.w : d.image_elements(), plane};
        const T* x[8];
        for (int64_t tap = 0; tap < taps; tap += most) {
            const int64_t count = least(most, taps - tap);
            for (int64_t j = 0; j < count; ++j) x[j] = pixels(image, tap + j, oy, width);
            for (int64_t k = 0; k < filters;) {
                const int64_t fit = count > most_taps(most_rows) ? 2 : most_rows, block_rows = least(fit, filters - k);
                blocks<T>.of[block_rows - 1][count - 1](runs, grad + k * plane, x, sums + k * taps + tap, taps);
                k += block_rows;
            }
        }
    }

    void run() const {
        const Problem& p = d.p;
        const int64_t taps = columns * p.kh;
        for (int64_t i = 0; i < filters * taps; ++i) sums[i] = 0;
        for (int64_t image = 0; image < p.n; image += d.images)
            for (int64_t oy = 0; oy < p.oh; oy += d.rows)
                for (int64_t ox = 0; ox < p.ow; ox += d.width) {
                    const int64_t images = least(d.images, p.n - image);
                    const int64_t rows = least(d.rows, p.oh - oy), width = least(d.width, p.ow - ox);
                    for (int64_t j = 0; j < images && !d.in_place; ++j)
                        for (int64_t i = 0; i < columns; ++i)
                            lay_out(image + j, i, oy, rows, ox, width, laid_out + j * d.image_elements());
                    multiply(image, images, oy, rows, ox, width);
                }
        T* const out = static_cast<T*>(a.out) + (group * p.group_k() + k0) * p.group_c() * p.taps();
        for (int64_t k = 0; k < filters; ++k)
            for (int64_t i = 0; i < columns; ++i)
                for (int64_t r = 0; r < p.kh; ++r) {
                    const int64_t c = (column0 + i) / p.kw, s = (column0 + i) % p.kw;
                    out[((k * p.group_c() + c) * p.kh + r) * p.kw + s] = T(sums[k * taps + i * p.kh + r]);
                }
    }
};

}  // namespace

template <class T>
void weight_gradient_task(const WeightGradientPlan& d, const Args& a, const Unit& unit) {
    const int64_t c_task = unit.task % d.c_tasks, k_task = unit.task / d.c_tasks % d.k_tasks;
    const int64_t k0 = k_task * d.filters, column0 = c_task * d.columns;
    double* const sums = static_cast<double*>(unit.memory);
    const Task<T> task{d,
                       a,
                       unit.task / d.c_tasks / d.k_tasks,
                       k0,
                       least(d.filters, d.p.group_k() - k0),
                       column0,
                       least(d.columns, d.group_columns() - column0),
                       sums,
                       reinterpret_cast<T*>(sums + d.sum_count())};
    task.run();
}

template void weight_gradient_task<float>(const WeightGradientPlan&, const Args&, const Unit&);
template void weight_gradient_task<double>(const WeightGradientPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
