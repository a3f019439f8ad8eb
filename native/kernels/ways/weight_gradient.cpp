#include "ways/weight_gradient_task.hpp"

namespace striate::STRIATE_TARGET {
namespace {

// Filters and taps of register blocks, the largest that fits first. Of more than two filters there is room for fewer
// taps. Only these are compiled, which takes long.
constexpr bool wide = vector_bytes == 64;
constexpr int rows_at_once[] = {wide ? 6 : 4, 2, 1};
constexpr int taps_at_once[] = {wide ? 4 : 3, wide ? 2 : 1, 1}, taps_of_few[] = {wide ? 8 : 4, wide ? 4 : 3, 2, 1};
constexpr int64_t few = 2;

template <int Count>
constexpr int64_t fitting(const int (&sizes)[Count], int64_t rest) {
    for (const int size : sizes)
        if (size <= rest) return size;
    return 1;
}

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
    Block of[rows_at_once[0]][taps_of_few[0]] = {};
    constexpr Blocks() {
        static_for<3>([&](auto r) {
            constexpr int rows = rows_at_once[r];
            static_for<rows <= few ? 4 : 3>([&](auto t) {
                constexpr int taps = rows <= few ? taps_of_few[t] : taps_at_once[t % 3];
                of[rows - 1][taps - 1] = block<T, rows, taps>;
            });
        });
    }
};
template <class T>
constexpr Blocks<T> blocks;

}  // namespace

template <class T>
void weight_gradient_task(const WeightGradientPlan& d, const Args& a, const Unit& unit) {
    const WeightGradientTask<T> task(d, a, unit);
    const int64_t taps = task.taps(), filters = task.filters;
    for (int64_t i = 0; i < filters * taps; ++i) task.sums[i] = 0;
    task.each_band([&](int64_t, const Runs& runs, const T* grad, const auto& pixels) {
        const T* x[taps_of_few[0]];
        for (int64_t tap = 0, count; tap < taps; tap += count) {
            count = filters <= few ? fitting(taps_of_few, taps - tap) : fitting(taps_at_once, taps - tap);
            for (int64_t j = 0; j < count; ++j) x[j] = pixels((tap + j) / d.p.kh, (tap + j) % d.p.kh);
            for (int64_t k = 0, rows; k < filters; k += rows) {
                rows = fitting(rows_at_once, filters - k);
                blocks<T>.of[rows - 1][count - 1](runs, grad + k * runs.plane, x, task.sums + k * taps + tap, taps);
            }
        }
    });
    const int64_t kh = d.p.kh, kw = d.p.kw;
    for (int64_t k = 0; k < filters; ++k)
        for (int64_t i = 0; i < task.columns; ++i) {
            const int64_t column = task.column0 + i;
            T* const out = task.out() + k * task.filter_size() + column / kw * kh * kw + column % kw;
            for (int64_t r = 0; r < kh; ++r) out[r * kw] = T(task.sums[k * taps + i * kh + r]);
        }
}

template void weight_gradient_task<float>(const WeightGradientPlan&, const Args&, const Unit&);
template void weight_gradient_task<double>(const WeightGradientPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
