// Matrices of the Toom-Cook (Winograd) algorithm F(M, R): y = AT ((G g) * (BT d)) for a correlation of M outputs, R taps.
// After Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016, with the points of smallest error.
#pragma once

namespace striate {

template <int M, int R>
struct Toom {
    static constexpr int size = M + R - 1;
    static_assert(size == 4 || size == 6 || size == 8);
    // Points: 0, then pairs +p, -p, then infinity.
    static constexpr int pairs = (size - 2) / 2;
    double bt[size][size] = {}, g[size][R] = {}, at[M][size] = {};

    constexpr Toom() {
        constexpr double half = 0.70710678118654752440, two = 1.41421356237309504880;
        constexpr double four[] = {0, 1, -1}, six[] = {0, half, -half, two, -two}, eight[] = {0, 0.5, -0.5, 1, -1, 1.8, -1.8};
        constexpr int finite = size - 1;
        const double* points = size == 4 ? four : size == 6 ? six : eight;
        for (int i = 0; i < size; ++i) {
            double poly[size + 1] = {1}, scale = 1;  // the product of (x - q) over the other finite points
            int degree = 0;
            for (int k = 0; k < finite; ++k) {
                if (k == i) continue;
                if (i < finite) scale *= points[i] - points[k];
                ++degree;
                for (int j = degree; j >= 0; --j) poly[j] = (j ? poly[j - 1] : 0) - points[k] * (j < degree ? poly[j] : 0);
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

}  // namespace striate
