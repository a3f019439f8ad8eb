// The matrix product with pixels in the vectors.
#include "ways/gemm_task.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int L = lanes<float>;
constexpr int line = 16;  // numbers per cache line

struct Task : GemmTask {
    bool contiguous = g.contiguous(), chained = g.chained();
    int64_t origin = find_origin();

    // Some vectors of pixels: where they start, where those that count start, and where they end.
    struct Block {
        int64_t nv, start, first, last;
        bool whole;

        int64_t count() const { return whole ? nv * L : last - first; }
    };

    // Where vectors of pixels start, at q0 or somewhat before, so that those read in place start with a cache line
    // where every channel's can.
    int64_t find_origin() const {
        if (!g.in_place || in_plane % line != 0 || q1 - q0 < 4 * g.vectors * L) return q0;
        return q0 - int64_t(uintptr_t(input(image) + q0) / sizeof(float) % line);
    }

    Block block_at(int64_t b, int64_t blocks) const {
        const int64_t units = ceil_div(q1 - origin, L), v0 = b * units / blocks, nv = (b + 1) * units / blocks - v0,
                      width = nv * L;
        const int64_t at = origin + v0 * L, first = most(at, q0), last = least(at + width, q1);
        // The first block moves on and the last one back where they can, so that they are whole: within the task, else
        // within the image.
        const bool whole = q1 - q0 >= width;
        return {nv, g.in_place || whole ? most<int64_t>(least(first, q1 - width), 0) : first, first, last, whole};
    }

    // Zeroes what the panel holds past the task's pixels, which takes part too.
    void clear_ends(int64_t width) const {
        const int64_t held = chained ? least(GemmPlan::chain, reds) : reds;
        for (int64_t i = 0; i < held; ++i) store<float>(panel + (i + 1) * width - L, Vec<float>{});
    }

    void run() const {
        const int64_t blocks = ceil_div(ceil_div(q1 - origin, L), g.vectors);
        Block some[GemmPlan::most_in_turn];
        for (int64_t b = 0; b < blocks; b += g.turn) {
            const int64_t in_turn = least(g.turn, blocks - b);
            for (int64_t i = 0; i < in_turn; ++i) some[i] = block_at(b + i, blocks);
            const Block& only = some[0];  // of a panel
            if (!g.in_place && !only.whole) clear_ends(only.nv * L);
            if (!g.in_place && !chained) gatherer.fill_panel(only.start, only.count(), only.nv * L, panel);
            // A chain's pixels stay in the first cache while every block of output channels passes.
            for (int64_t c = 0; c < reds; c += GemmPlan::chain) {
                if (chained)
                    gatherer.copy_panel(only.start, only.count(), c, least(GemmPlan::chain, reds - c), only.nv * L,
                                        panel);
                for (int64_t kb = block0; kb < block1; ++kb)
                    for (int64_t i = 0; i < in_turn; ++i) multiply(some[i], c, kb, b + g.turn < blocks);
            }
        }
    }

    // A block's chain from `c` on for a block of output channels; asks ahead for the pixels of the next turn, if there
    // is one.
    void multiply(const Block& block, int64_t c, int64_t kb, bool more) const {
        const int64_t channels = least(GemmPlan::chain, reds - c), width = block.nv * L;
        const int64_t k0 = k_start(kb), rows = k_start(kb + 1) - k0, vector = kb - block0;
        const bool ends = c + channels == reds, fetch = contiguous && more && vector < block.nv;
        float* const sum = sums + (reds > GemmPlan::chain ? (k0 - k_start(block0)) * width : 0);
        const int64_t ahead = block.first + (g.turn * g.vectors + vector) * L + L - 1;
        const int64_t pitch = g.in_place ? in_plane : width;
        const float* const in = (g.in_place ? input(image) + block.start : panel) + (chained ? 0 : c * pitch);
        const GemmSink sink{sum,
                            c == 0,
                            ends && block.whole ? output(image, k0) + block.start : nullptr,
                            plane,
                            bias ? bias + k0 : nullptr,
                            limits,
                            fetch ? input(image) + ahead + c * in_plane : in,
                            fetch ? in_plane : 0};
        multiply_rows.of[rows - 1][block.nv - 1](channels, {weight + k0 * reds + c * rows, rows}, in, pitch, sink);
        for (int64_t i = 0; ends && !block.whole && i < rows; ++i)
            emit_row<float>(output(image, k0 + i) + block.first, sum + i * width + block.first - block.start,
                            block.last - block.first, bias ? bias[k0 + i] : 0.0f, a.activation);
    }
};

}  // namespace

template <class T>
void gemm_wide_task(const GemmPlan& g, const Args& a, const Unit& unit) {
    Task{gemm_task(g, a, unit)}.run();
}

template void gemm_wide_task<float>(const GemmPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
