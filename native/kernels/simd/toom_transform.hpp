// The transforms of inputs and outputs of the Toom-Cook algorithm, on vectors of independent tiles.
#pragma once

#include "simd/simd.hpp"
#include "simd/toom.hpp"

namespace striate::STRIATE_TARGET {

// The points come as pairs +p, -p, then 0, then for even sizes infinity.
template <int M, int R>
struct Transform {
    static constexpr Toom<M, R> t{};
    static constexpr int size = M + R - 1, pairs = Toom<M, R>::pairs;
    static constexpr bool zero(double c) { return c < 1e-9 && c > -1e-9; }

    template <int I, int Sign>
    static constexpr double half_sum(int j) {
        return (t.bt[I][j] + Sign * t.bt[I + 1][j]) / 2;
    }

    // The rows of +p and -p are an even part plus and minus an odd part.
    template <class In, class Out>
    [[gnu::always_inline]] static void input(const In& in, const Out& out) {
        static_for<pairs>([&](auto pair) INLINE {
            constexpr int i = 2 * decltype(pair)::value;
            Vec<float> even{}, odd{};
            static_for<size>([&](auto j) INLINE {
                constexpr double e = half_sum<i, 1>(j), o = half_sum<i, -1>(j);
                if constexpr (!zero(e)) even += float(e) * in(j);
                if constexpr (!zero(o)) odd += float(o) * in(j);
            });
            out(i, even + odd);
            out(i + 1, even - odd);
        });
        static_for<size>([&](auto i) INLINE {
            if constexpr (i >= 2 * pairs) {
                Vec<float> sum{};
                static_for<size>([&](auto j) INLINE {
                    if constexpr (!zero(t.bt[i][j])) sum += float(t.bt[i][j]) * in(j);
                });
                out(i, sum);
            }
        });
    }

    template <class In, class Out>
    [[gnu::always_inline]] static void output(const In& in, const Out& out) {
        Vec<float> plus[pairs], minus[pairs];
        static_for<pairs>([&](auto pair) INLINE {
            plus[pair] = in(2 * pair) + in(2 * pair + 1);
            minus[pair] = in(2 * pair) - in(2 * pair + 1);
        });
        static_for<M>([&](auto j) INLINE {
            Vec<float> sum{};
            static_for<size>([&](auto i) INLINE {
                constexpr double c = t.at[j][i];
                if constexpr (i >= 2 * pairs && !zero(c)) sum += float(c) * in(i);
                else if constexpr (i % 2 == 0 && i < 2 * pairs) sum += float(c) * (j % 2 ? minus : plus)[i / 2];
            });
            out(j, sum);
        });
    }

    // The transpose of `output`: what M outputs are worth at each of `size` places.
    template <class In, class Out>
    [[gnu::always_inline]] static void spread(const In& in, const Out& out) {
        static_for<size>([&](auto i) INLINE {
            constexpr bool paired = i < 2 * pairs;
            if constexpr (paired && i % 2) return;
            Vec<float> even{}, odd{};
            static_for<M>([&](auto j) INLINE {
                constexpr double c = t.at[j][i];
                if constexpr (!zero(c)) (j % 2 ? odd : even) += float(c) * in(j);
            });
            out(i, even + odd);
            if constexpr (paired) out(i + 1, even - odd);
        });
    }

    // The transpose of what transforms the weights: from `size` places to R taps.
    template <class In, class Out>
    [[gnu::always_inline]] static void taps(const In& in, const Out& out) {
        Vec<float> plus[pairs], minus[pairs];
        static_for<pairs>([&](auto pair) INLINE {
            plus[pair] = in(2 * pair) + in(2 * pair + 1);
            minus[pair] = in(2 * pair) - in(2 * pair + 1);
        });
        static_for<R>([&](auto r) INLINE {
            Vec<float> sum{};
            static_for<size>([&](auto i) INLINE {
                constexpr double c = t.g[i][r];
                if constexpr (i >= 2 * pairs && !zero(c)) sum += float(c) * in(i);
                else if constexpr (i % 2 == 0 && i < 2 * pairs) sum += float(c) * (r % 2 ? minus : plus)[i / 2];
            });
            out(r, sum);
        });
    }
};

}  // namespace striate::STRIATE_TARGET
