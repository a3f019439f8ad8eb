// Matrices of the Toom-Cook (Winograd) algorithm F(M, R): y = AT ((G g) * (BT d)) for a correlation of M outputs, R
// taps. After Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016, with the points of smallest
// error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace striate {

// A transform of `Size` numbers takes the points +p, -p for each of these, then 0, then for even sizes infinity.
// Leaving infinity out of the odd sizes keeps the pairs, which halve the work, and more than halves the error.
template <int Size>
constexpr double toom_point(int pair) {
    static_assert(Size >= 4 && Size <= 8);
    constexpr double four[] = {1}, five[] = {0.8125, 2.375};
    constexpr double six[] = {0.70710678118654752440, 1.41421356237309504880}, seven[] = {0.625, 1.125, 3.125},
                     eight[] = {0.5, 1, 1.8};
    return Size == 4   ? four[pair]
           : Size == 5 ? five[pair]
           : Size == 6 ? six[pair]
           : Size == 7 ? seven[pair]
                       : eight[pair];
}

template <int M, int R>
struct Toom {
    static constexpr int size = M + R - 1, pairs = (size - 1) / 2;
    double bt[size][size] = {}, g[size][R] = {}, at[M][size] = {};

    constexpr Toom() {
        constexpr int finite = 2 * pairs + 1;
        double points[finite] = {};
        for (int i = 0; i < 2 * pairs; ++i) points[i] = (i % 2 ? -1 : 1) * toom_point<size>(i / 2);
        for (int i = 0; i < size; ++i) {
            double poly[size + 1] = {1}, scale = 1;  // the product of (x - q) over the other finite points
            int degree = 0;
            for (int k = 0; k < finite; ++k) {
                if (k == i) continue;
                if (i < finite) scale *= points[i] - points[k];
                ++degree;
                for (int j = degree; j >= 0; --j)
                    poly[j] = (j ? poly[j - 1] : 0) - points[k] * (j < degree ? poly[j] : 0);
            }
            for (int j = 0; j <= degree; ++j) bt[i][j] = poly[j];
            double power = 1;
            for (int j = 0; j < (M > R ? M : R); ++j) {
                const double value = i < finite ? power : 0;
                if (j < R) g[i][j] = i < finite ? value / scale : j == R - 1;
                if (j < M) at[j][i] = i < finite ? value : j == M - 1;
                if (i < finite) power *= points[i];
            }
        }
    }
};

// The transforms that kernels are compiled for.
struct Tile {
    int m, r;
};
inline constexpr Tile tiles[] = {{4, 2}, {5, 2}, {2, 3}, {3, 3}, {4, 3}, {5, 3}, {3, 4}, {4, 4}, {2, 5}, {3, 5}};

// f.operator()<M, R>() for the F(m, r) of that list.
template <class F>
void with_tile(int64_t m, int64_t r, F&& f) {
    [&]<size_t... I>(std::index_sequence<I...>) {
        ((tiles[I].m == m && tiles[I].r == r ? f.template operator()<tiles[I].m, tiles[I].r>() : void()), ...);
    }(std::make_index_sequence<sizeof tiles / sizeof *tiles>{});
}

}  // namespace striate
