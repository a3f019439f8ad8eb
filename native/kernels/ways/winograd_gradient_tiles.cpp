// The tiles of input and gradient, transformed for the weights' gradient by Winograd's way.
#include "base/pool.hpp"
#include "simd/rows.hpp"
#include "simd/toom_transform.hpp"
#include "simd/transpose.hpp"
#include "ways/winograd_gradient.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int L = lanes<float>;
using V = Vec<float>;
using Plan = WinogradGradientPlan;
using F = Transform<int(Plan::m), int(Plan::r)>;
constexpr int size = F::size, m = int(Plan::m);

// Channels of images, up to a vector of them, and the pixel where the first tile begins.
struct Planes {
    const float* data;
    int64_t image, channels, height, width, top, left;
};

// to[column][channel] of `columns` pixels of a row, in whole vectors, zero outside the image.
void stage_row(const Planes& from, const float* image, int64_t y, int64_t columns, float* to) {
    if (y < 0 || y >= from.height) return zero_run(to, columns * L);
    const int64_t plane = from.height * from.width;
    for (int64_t j = 0; j < columns; j += L, to += L * L) {
        const Span<float> span = span_inside<float>(from.left + j, from.width);
        const float* const at = image + y * from.width + from.left + j;
        V v[L];
        static_for<L>([&](auto c) INLINE { v[c] = c < from.channels ? load_span<float>(at + c * plane, span) : V{}; });
        transpose<float>(v);
        static_for<L>([&](auto i) INLINE { store<float>(to + i * L, v[i]); });
    }
}

// Tiles that take Reach pixels each way, along which `pass` goes from Reach numbers to `size`.
template <int Reach, class Pass>
void transform(const Plan& d, const Planes& from, int64_t row, int64_t stop, float* stage, float* out,
               const Pass& pass) {
    const int64_t columns = (d.tiles_x - 1) * m + Reach, pitch = d.stage_columns() * L, spot = d.spot_elements();
    for (; row < stop; ++row, out += d.tiles_x * L) {
        const float* const image = from.data + row / d.tiles_y * from.image;
        const int64_t top = row % d.tiles_y * m + from.top;
        for (int i = 0; i < Reach; ++i)
            stage_row(from, image, top + i, ceil_div(columns, int64_t(L)) * L, stage + i * pitch);
        for (float* at = stage; at < stage + columns * L; at += L) {
            V in[Reach];
            static_for<Reach>([&](auto i) INLINE { in[i] = load<float>(at + i * pitch); });
            pass([&](int i) INLINE { return in[i]; }, [&](int i, V v) INLINE { store<float>(at + i * pitch, v); });
        }
        for (int64_t tile = 0; tile < d.tiles_x; ++tile)
            for (int i = 0; i < size; ++i) {
                const float* const at = stage + i * pitch + tile * m * L;
                float* const to = out + i * size * spot + tile * L;
                V in[Reach];
                static_for<Reach>([&](auto j) INLINE { in[j] = load<float>(at + j * L); });
                pass([&](int j) INLINE { return in[j]; }, [&](int j, V v) INLINE { store<float>(to + j * spot, v); });
            }
    }
}

}  // namespace

// `a.x` is the input, `a.packed` the output's gradient.
template <class T>
void winograd_gradient_tiles_task(const WinogradGradientPlan& d, const Args& a, const Unit& unit) {
    const Problem& p = d.p;
    const int64_t vector = unit.task / d.row_tasks(), inputs = p.groups * d.c_vectors();
    const int64_t first = unit.task % d.row_tasks() * d.task_rows(), stop = least(first + d.task_rows(), d.rows());
    float* const stage = static_cast<float*>(unit.memory);
    float* const out = static_cast<float*>(a.out) + vector * d.vector_elements() + first * d.tiles_x * L;
    const auto planes = [&](const void* data, int64_t at, int64_t vectors, int64_t channels, int64_t height,
                            int64_t width, int64_t top, int64_t left) {
        const int64_t group = at / vectors, c = at % vectors * L, plane = height * width;
        const float* const from = static_cast<const float*>(data) + (group * channels + c) * plane;
        return Planes{from, p.groups * channels * plane, least<int64_t>(L, channels - c), height, width, top, left};
    };
    if (vector < inputs) {
        const Planes from = planes(a.x, vector, d.c_vectors(), p.group_c(), p.h, p.w, -p.pad_top, -p.pad_left);
        transform<size>(d, from, d.row + first, d.row + stop, stage, out,
                        [](const auto& in, const auto& to) INLINE { F::input(in, to); });
    } else {
        const Planes from = planes(a.packed, vector - inputs, d.k_vectors(), p.group_k(), p.oh, p.ow, 0, 0);
        transform<m>(d, from, d.row + first, d.row + stop, stage, out,
                     [](const auto& in, const auto& to) INLINE { F::spread(in, to); });
    }
}

template void winograd_gradient_tiles_task<float>(const WinogradGradientPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
