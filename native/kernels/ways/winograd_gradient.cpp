#include "ways/winograd_gradient.hpp"

#include "base/pool.hpp"
#include "simd/toom_transform.hpp"
#include "simd/transpose.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int L = lanes<float>;
using V = Vec<float>;
using Plan = WinogradGradientPlan;
using F = Transform<int(Plan::m), int(Plan::r)>;
constexpr int size = F::size, r = int(Plan::r), taps = r * r;
constexpr int rows = vector_bytes == 64 ? 8 : 4, most_vectors = 3;  // channels and vectors of filters of a block

// sums[i * pitch] (+)= the products of channel i with so many vectors of filters, over `tiles` tiles.
template <int NV>
void multiply(int64_t tiles, const float* x, const float* grad, int64_t vector, float* sums, int64_t pitch, bool more) {
    V acc[rows * NV] = {};
    for (int64_t t = 0; t < tiles; ++t, x += L, grad += L) {
        V g[NV];
        [&]<int... J>(Steps<J...>) INLINE { ((g[J] = load<float>(grad + J * vector)), ...); }(steps<NV>);
        static_for<rows>([&](auto i) INLINE {
            const V value = broadcast(x[i]);
            [&]<int... J>(Steps<J...>) INLINE { ((acc[i * NV + J] += value * g[J]), ...); }(steps<NV>);
        });
    }
    static_for<rows>([&](auto i) INLINE {
        static_for<NV>([&](auto j) INLINE {
            float* const to = sums + i * pitch + j * L;
            store<float>(to, more ? load<float>(to) + acc[i * NV + j] : acc[i * NV + j]);
        });
    });
}

using Multiply = void (*)(int64_t, const float*, const float*, int64_t, float*, int64_t, bool);
constexpr Multiply multiplies[most_vectors] = {multiply<1>, multiply<2>, multiply<3>};

struct Task {
    const Plan& d;
    const Args& a;
    int64_t group, c0, c_vectors, k0, k_vectors;  // the first vectors in the group, and how many
    float *products, *turned;

    const Problem& p = d.p;
    int64_t pitch = k_vectors * L, spot_products = d.product_elements();

    void multiply_all() const {
        const float* const all = static_cast<const float*>(a.x);
        const int64_t vector = d.vector_elements(), tiles = d.rows() * d.tiles_x;
        const float* const x = all + (group * d.c_vectors() + c0) * vector;
        const float* const grad = all + (p.groups * d.c_vectors() + group * d.k_vectors() + k0) * vector;
        const int64_t blocks = ceil_div(k_vectors, int64_t(most_vectors));
        for (int64_t spot = 0; spot < Plan::spots; ++spot)
            for (int64_t tile = 0; tile < tiles; tile += Plan::chain) {
                const int64_t at = spot * d.spot_elements() + tile * L, count = least(Plan::chain, tiles - tile);
                for (int64_t c = 0; c < c_vectors * L; c += rows)
                    for (int64_t b = 0; b < blocks; ++b) {
                        const int64_t k = b * k_vectors / blocks, some = (b + 1) * k_vectors / blocks - k;
                        multiplies[some - 1](count, x + c / L * vector + at + c % L, grad + k * vector + at, vector,
                                             products + spot * spot_products + c * pitch + k * L, pitch, tile > 0);
                    }
            }
    }

    // turned[tap][filter] of a vector of filters and a channel.
    void transform_back(int64_t c, int64_t k, float* to) const {
        const float* const from = products + c * pitch + k * L;
        V half[r][size];
        static_for<size>([&](auto j) INLINE {
            F::taps([&](int i) INLINE { return load<float>(from + (i * size + j) * spot_products); },
                    [&](int i, V v) INLINE { half[i][j] = v; });
        });
        static_for<r>([&](auto i) INLINE {
            F::taps([&](int j) INLINE { return half[i][j]; },
                    [&](int j, V v) INLINE { store<float>(to + (i * r + j) * L, v); });
        });
    }

    // Writes or adds the gradients of a vector of filters and one of channels; false where one is not finite.
    bool write(int64_t c, int64_t k) const {
        const int64_t channels = least<int64_t>(L, p.group_c() - (c0 + c) * L), columns = channels * taps;
        const int64_t filter = p.group_c() * taps, k_first = (k0 + k) * L;
        for (int64_t i = 0; i < L; ++i) transform_back(c * L + i, k, turned + i * taps * L);
        float* const out = static_cast<float*>(a.out) + (group * p.group_k() + k_first) * filter + (c0 + c) * L * taps;
        V bad{};
        for (int64_t column = 0; column < columns; column += L) {
            const int64_t count = least<int64_t>(L, columns - column);
            V v[L];
            static_for<L>([&](auto i) INLINE { v[i] = load<float>(turned + (column + i) * L); });
            transpose<float>(v);
            for (int64_t i = 0; i < least<int64_t>(L, p.group_k() - k_first); ++i) {
                float* const to = out + i * filter + column;
                if (d.row > 0) v[i] += count == L ? load<float>(to) : load_part<float>(to, count);
                store_first<float>(to, v[i], count);
                bad += v[i] * 0.0f;
            }
        }
        float sum = 0;
        for (int i = 0; i < L; ++i) sum += bad[i];
        return sum == 0.0f;
    }

    void run() const {
        multiply_all();
        for (int64_t k = 0; k < k_vectors; ++k)
            for (int64_t c = 0; c < c_vectors; ++c)
                if (!write(c, k)) return a.spoil();
    }
};

}  // namespace

// `a.x` holds the transformed tiles.
template <class T>
void winograd_gradient_task(const WinogradGradientPlan& d, const Args& a, const Unit& unit) {
    const int64_t k_task = unit.task / d.c_tasks(), c0 = unit.task % d.c_tasks() * d.c_block;
    const int64_t k0 = k_task % d.k_tasks() * d.k_block;
    float* const products = static_cast<float*>(unit.memory);
    const Task task{d,
                    a,
                    k_task / d.k_tasks(),
                    c0,
                    least(d.c_block, d.c_vectors() - c0),
                    k0,
                    least(d.k_block, d.k_vectors() - k0),
                    products,
                    products + Plan::spots * d.product_elements()};
    task.run();
}

template void winograd_gradient_task<float>(const WinogradGradientPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
