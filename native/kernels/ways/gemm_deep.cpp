// The matrix product with output channels in the vectors.
#include "ways/gemm_task.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int L = lanes<float>;
constexpr int line = 16;  // numbers per cache line
using V = Vec<float>;

struct Task : GemmTask {
    // Calls visit(q, count) for every block of pixels.
    template <class Visit>
    void each_block(const Visit& visit) const {
        const int64_t span = g.by_rows ? p.ow : q1 - q0, blocks = ceil_div(span, g.rows);
        for (int64_t q = q0; q < q1; q += span)
            for (int64_t b = 0, start = 0; b < blocks; ++b) {
                const int64_t end = (b + 1) * span / blocks;
                visit(q + start, end - start);
                start = end;
            }
    }

    // Of what each channel and tap reads for a pixel, from where the pixel's field starts.
    void fill_offsets() const {
        int64_t* to = offsets;
        for (int64_t c = 0; c < p.group_c(); ++c)
            for (int64_t r = 0; r < p.kh; ++r)
                for (int64_t s = 0; s < p.kw; ++s) *to++ = c * g.channel_step() + r * p.dh * g.row_step() + s * p.dw;
    }

    // The rows that the task's fields cover, with their padding.
    void fill_rows() const {
        const int64_t top = q0 / p.ow * p.sh - p.pad_top;
        for (int64_t c = 0; c < p.group_c(); ++c) {
            const float* const from = input(image) + c * in_plane;
            const auto row = [&](int64_t i) {
                return top + i >= 0 && top + i < p.h ? from + (top + i) * p.w : nullptr;
            };
            copy_rows<float>(panel + c * g.channel_step(), g.row_step(), g.field_rows(), row, p.w, -p.pad_left, 1);
        }
    }

    void fill_panels() const {
        float* to = panel;
        each_block([&](int64_t q, int64_t count) {
            gatherer.fill_panel(q, count, g.row_pitch(), to);
            to += g.row_pitch() * reds;
        });
    }

    void run() const {
        const int64_t pitch = g.in_place ? in_plane : g.row_pitch();
        const float* const rows = p.padded() ? panel : input(image) + q0 / p.ow * p.sh * p.w;
        for (int64_t kb = block0; kb < block1; ++kb) {
            const int64_t k0 = k_start(kb), nv = (k_start(kb + 1) - k0) / L;
            for (int64_t c = 0; c < reds; c += GemmPlan::chain) {
                const int64_t channels = least(GemmPlan::chain, reds - c);
                const float* const w = weight + k0 * reds + c * nv * L;
                int64_t b = 0;
                each_block([&](int64_t q, int64_t count) {
                    GemmSink sink{sums + (q - q0) * nv * L, c == 0, nullptr, 0, nullptr, limits, w, 0};
                    if (b < nv) {
                        sink.ahead = w + GemmPlan::chain * (nv * L + b * line);
                        sink.ahead_pitch = line;
                    }
                    if (g.by_rows) {
                        const float* const field = rows + (q - q0) / p.ow * p.sh * g.row_step() + q % p.ow;
                        multiply_fields.of[count - 1][nv - 1](channels, {field, offsets + c}, w, nv * L, sink);
                    } else {
                        const float* const x =
                            (g.in_place ? input(image) + q : panel + b * g.row_pitch() * reds) + c * pitch;
                        if (g.in_place && b >= nv && kb == block0) {
                            // The block after, or the next chain's first.
                            sink.ahead =
                                (q + count < q1 ? x + count : x - (q - q0) + GemmPlan::chain * pitch) + g.rows - 1;
                            sink.ahead_pitch = pitch;
                        }
                        multiply_rows.of[count - 1][nv - 1](channels, {x, pitch}, w, nv * L, sink);
                    }
                    ++b;
                });
            }
            for (int64_t q = q0; q < q1;) {
                const int64_t count = least(q1 - q, plane - q % plane);
                float* out = output(g.joined() ? q / plane : image, k0) + q % plane;
                for (int64_t v = 0; v < nv; ++v)
                    emit(sums + ((q - q0) * nv + v) * L, nv * L, count, out + v * L * plane, k0 + v * L);
                q += count;
            }
        }
    }

    // Stores `count` pixels of one image, whose sums stand as [pixel][channel], for the channels from k0 on.
    void emit(const float* from, int64_t pitch, int64_t count, float* out, int64_t k0) const {
        const int64_t channels = least<int64_t>(L, p.group_k() - k0);
        const V biases = !bias ? V{} : channels == L ? load<float>(bias + k0) : load_part<float>(bias + k0, channels);
        if (plane == 1) return store_first<float>(out, limits.clamp(load<float>(from) + biases), channels);
        for (int64_t j = 0; j < count; j += L) {
            // The last vector moves back where it can, so that it is whole. Lines written next are asked for.
            const int64_t s = count >= L ? least(j, count - L) : 0;
            V v[L];
            static_for<L>([&](auto i) INLINE { v[i] = s + i < count ? load<float>(from + (s + i) * pitch) : V{}; });
            if (bias || limits.any) static_for<L>([&](auto i) INLINE { v[i] = limits.clamp(v[i] + biases); });
            transpose<float>(v);
            float* to = out + s;
            static_for<L>([&](auto k) INLINE {
                if (k >= channels) return;
                if (count >= L) store<float>(to, v[k]);
                else store_part<float>(to, v[k], count);
                __builtin_prefetch(to + 2 * L - 1, 1);
                to += plane;
            });
        }
    }
};

}  // namespace

template <class T>
void gemm_deep_task(const GemmPlan& g, const Args& a, const Unit& unit) {
    const Task task{gemm_task(g, a, unit)};
    if (g.by_rows && unit.before < 0) task.fill_offsets();
    // The task before may have left the same pixels.
    if (unit.first(g.k_tasks)) {
        if (g.by_rows && g.p.padded()) task.fill_rows();
        else if (g.joined()) task.fill_panels();
    }
    task.run();
}

template void gemm_deep_task<float>(const GemmPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
