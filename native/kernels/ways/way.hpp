// One way of computing one problem, with its blocking decided.
#pragma once

#include "ways/machine.hpp"
#include "base/problem.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace striate {

class Way {
public:
    virtual ~Way() = default;
    virtual void pack(const void* weight, void* packed) const = 0;
    // Where the way spreads, `args.spoiled` is not null.
    virtual void run(const Args& args, int threads) const = 0;

    std::string name;
    std::vector<std::pair<std::string, int64_t>> blocking;
    // Beside the name, the weights' shape and their type, all that their packed form depends on.
    std::vector<int64_t> packing;
    size_t packed_bytes = 0;
    size_t workspace_bytes = 0;  // per thread
    double predicted_us = 0;
    double pack_ns = 0.2;  // nanoseconds that packing takes for each byte packed
    // Largest error in float32, for data of unit variance, as a share of the output's scale: 1 + the root of the terms per
    // output. For other data the share is of the largest input the output's tile reads times the norm of its weights.
    double error_bound = 2e-6;
    // Whether a number that is not finite may reach outputs whose window does not hold it.
    bool spreads = false;
    // Of so many threads, those whose workspaces keep to the problem's limit together; at least one.
    int affordable(const Problem& p, int threads) const {
        const double most = p.workspace_limit() / double(workspace_bytes > 0 ? workspace_bytes : 1);
        return most < 1 ? 1 : most < threads ? int(most) : threads;
    }
    bool strict() const { return error_bound <= 2e-6; }
};

// A way, or the reason why it cannot compute the problem.
struct Offer {
    std::unique_ptr<Way> way;
    std::string refusal;
};
using Offerer = Offer (*)(const Problem&, const Machine&, int threads);

struct WayName {
    const char* name;
    Offerer offer;
};

// Every way, `direct` first.
const std::vector<WayName>& ways();

Offer offer_direct(const Problem&, const Machine&, int threads);
Offer offer_depthwise(const Problem&, const Machine&, int threads);
Offer offer_fft(const Problem&, const Machine&, int threads);
Offer offer_gemm(const Problem&, const Machine&, int threads);
Offer offer_winograd(const Problem&, const Machine&, int threads);
Offer offer_winograd1d(const Problem&, const Machine&, int threads);

}  // namespace striate
