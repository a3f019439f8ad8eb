#include "simd/transpose.hpp"
#include "ways/weight_gradient_task.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int most_vectors = 3;
// Taps of a register block of so many vectors of filters.
constexpr int most_taps(int vectors) {
    if (vector_bytes == 64) return vectors == 3 ? 8 : 12;
    return vectors == 3 ? 4 : vectors == 2 ? 6 : 8;
}

// to[pixel][filter] = the gradient of `filters` filters at the runs' pixels, zero from there on to `vectors` whole
// vectors of them.
template <class T>
void turn(const Runs& runs, const T* grad, int64_t filters, int64_t vectors, T* to) {
    constexpr int L = lanes<T>;
    const int64_t pitch = vectors * L;
    for (int64_t image = 0; image < runs.images; ++image, to += runs.count * pitch)
        for (int64_t k = 0; k < pitch; k += L) {
            const T* const from = grad + image * runs.grad_image + k * runs.plane;
            const int64_t some = least<int64_t>(L, filters - k);
            for (int64_t q = 0; q < runs.count; q += L) {
                const int64_t count = least<int64_t>(L, runs.count - q);
                Vec<T> v[L];
                for (int i = 0; i < L; ++i) {
                    const T* const row = from + i * runs.plane + q;
                    v[i] = i >= some ? Vec<T>{} : count == L ? load<T>(row) : load_part<T>(row, count);
                }
                transpose<T>(v);
                for (int i = 0; i < count; ++i) store<T>(to + (q + i) * pitch + k, v[i]);
            }
        }
}

// sums[j][filter] = or, with `more`, += the dot product of the turned gradient of so many vectors of filters and the
// runs from x[j] on.
template <class T, int Vectors, int Taps>
void block(const Runs& runs, const T* turned, const T* const* x, double* sums, bool more) {
    constexpr int L = lanes<T>;
    Vec<T> acc[Taps][Vectors] = {};
    const T* at[Taps];
    static_for<Taps>([&](auto j) { at[j] = x[j]; });
    T results[Taps * Vectors * L] = {};
    const auto end_chain = [&]() INLINE {
        static_for<Taps * Vectors>([&](auto i) INLINE {
            Vec<T>& sum = acc[i / Vectors][i % Vectors];
            store<T>(results + i * L, load<T>(results + i * L) + sum);
            sum = Vec<T>{};
        });
    };
    const int64_t piece = ceil_div(runs.width, ceil_div(runs.width, WeightGradientPlan::chain));
    int64_t held = 0;
    for (int64_t image = 0; image < runs.images; ++image) {
        for (int64_t row = 0; row < runs.rows; ++row)
            for (int64_t from = 0; from < runs.width; from += piece) {
                if (held + piece > WeightGradientPlan::chain) {
                    end_chain();
                    held = 0;
                }
                held += piece;
                const int64_t stop = row * runs.pitch + least(from + piece, runs.width);
                for (int64_t q = row * runs.pitch + from; q < stop; ++q, turned += Vectors * L) {
                    Vec<T> g[Vectors];
                    static_for<Vectors>([&](auto v) INLINE { g[v] = load<T>(turned + v * L); });
                    static_for<Taps>([&](auto j) INLINE {
                        const Vec<T> pixel = broadcast(at[j][q]);
                        static_for<Vectors>([&](auto v) INLINE { acc[j][v] += pixel * g[v]; });
                    });
                }
            }
        static_for<Taps>([&](auto j) { at[j] += runs.x_image; });
    }
    end_chain();
    if (more)
        for (int i = 0; i < Taps * Vectors * L; ++i) sums[i] += double(results[i]);
    else
        for (int i = 0; i < Taps * Vectors * L; ++i) sums[i] = double(results[i]);
}

template <class T>
struct Blocks {
    using Block = void (*)(const Runs&, const T*, const T* const*, double*, bool);
    Block of[most_vectors][12] = {};
    constexpr Blocks() {
        static_for<most_vectors>(
            [&](auto v) { static_for<most_taps(v + 1)>([&](auto j) { of[v][j] = block<T, v + 1, j + 1>; }); });
    }
};
template <class T>
constexpr Blocks<T> blocks;

// Calls visit(first, vectors) for the blocks of at most most_vectors vectors that `filters` filters are cut into.
template <class T, class Visit>
void each_block(int64_t filters, const Visit& visit) {
    const int64_t units = ceil_div(filters, int64_t(lanes<T>)), blocks = ceil_div(units, int64_t(most_vectors));
    for (int64_t b = 0; b < blocks; ++b) {
        const int64_t from = b * units / blocks, stop = (b + 1) * units / blocks;
        visit(from * lanes<T>, stop - from);
    }
}

// out[filter * size + tap] = sums[tap * pitch + filter] for so many filters and taps; what is written next, `all`
// filters being there, is asked for a vector of filters ahead.
template <class T>
void turn_back(const double* sums, int64_t pitch, int64_t filters, int64_t all, int64_t taps, T* out, int64_t size) {
    constexpr int L = lanes<T>;
    for (int64_t k = 0; k < filters; k += L)
        for (int64_t tap = 0; tap < taps; tap += L) {
            for (int64_t i = k + L; i < least<int64_t>(k + 2 * L, all); ++i)
                __builtin_prefetch(out + i * size + tap, 1);
            const int64_t some = least<int64_t>(L, taps - tap);
            T rows[L * L] = {};
            for (int64_t j = 0; j < some; ++j)
                for (int i = 0; i < L; ++i) rows[j * L + i] = T(sums[(tap + j) * pitch + k + i]);
            Vec<T> v[L];
            for (int i = 0; i < L; ++i) v[i] = load<T>(rows + i * L);
            transpose<T>(v);
            for (int i = 0; i < least<int64_t>(L, filters - k); ++i)
                store_first<T>(out + (k + i) * size + tap, v[i], some);
        }
}

}  // namespace

template <class T>
void weight_gradient_lanes_task(const WeightGradientPlan& d, const Args& a, const Unit& unit) {
    constexpr int L = lanes<T>;
    const WeightGradientTask<T> task(d, a, unit);
    const int64_t taps = task.taps(), kh = d.p.kh, kw = d.p.kw;
    const bool turned = d.keeps_turned && !unit.first(d.c_tasks);
    task.each_band([&](int64_t band, const Runs& runs, const T* grad, const auto& pixels) {
        const int64_t count = runs.images * runs.count;
        T* const band_turned = task.turned + (d.keeps_turned ? band * d.band_turned() : 0);
        const T** start = task.starts;
        for (int64_t i = 0; i < task.columns; i += kw)
            for (int64_t r = 0; r < kh; ++r)
                for (int64_t s = 0; s < kw; ++s) *start++ = pixels(i + s, r);
        each_block<T>(task.filters, [&](int64_t k, int64_t vectors) {
            T* const to = band_turned + k * count;
            if (!turned) turn(runs, grad + k * runs.plane, least(vectors * L, task.filters - k), vectors, to);
            const int64_t steps = ceil_div(taps, int64_t(most_taps(int(vectors))));
            for (int64_t step = 0; step < steps; ++step) {
                const int64_t tap = step * taps / steps, some = (step + 1) * taps / steps - tap;
                double* const sums = task.sums + k * taps + tap * vectors * L;
                blocks<T>.of[vectors - 1][some - 1](runs, to, task.starts + tap, sums, band > 0);
            }
        });
    });
    each_block<T>(task.filters, [&](int64_t k, int64_t vectors) {
        const int64_t size = task.filter_size(), rest = task.filters - k;
        turn_back<T>(task.sums + k * taps, vectors * L, least(vectors * L, rest), rest, taps,
                     task.out() + k * size + task.column0 * kh, size);
    });
}

template void weight_gradient_lanes_task<float>(const WeightGradientPlan&, const Args&, const Unit&);
template void weight_gradient_lanes_task<double>(const WeightGradientPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
