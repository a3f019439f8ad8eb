// One way of computing one problem, with its blocking decided.
#pragma once

#include "ways/machine.hpp"
#include "ways/turned.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace striate {

enum class Elements { float_only, float_and_double };

// A row of ways.def.
struct Promise {
    const char* name;
    Elements elements;
    // Largest error in float32, for data of unit variance, as a share of the output's scale: 1 + the root of the terms
    // per output. For other data the share is of the largest input the output's tile reads times the norm of its
    // weights.
    double error_bound;
    // Whether a number that is not finite may reach outputs whose window does not hold it.
    bool spreads;

    bool computes(DType dtype) const { return dtype == DType::float32 || elements == Elements::float_and_double; }
};

namespace promises {
#define STRIATE_WAY(name, Plan, elements, error_bound, spreads) \
    inline constexpr Promise name{#name, Elements::elements, error_bound, spreads};
#define STRIATE_KERNEL(name, Plan, elements)
#include "ways/ways.def"
#undef STRIATE_WAY
#undef STRIATE_KERNEL
}  // namespace promises

// What is known of a way for one problem before it runs.
struct Facts {
    Promise promise;
    std::vector<std::pair<std::string, int64_t>> blocking;
    // Beside the name, the weights' shape and their type, all that their packed form depends on.
    std::vector<int64_t> packing;
    size_t packed_bytes;
    size_t workspace_bytes;  // per thread
    double predicted_us;
    double pack_ns;  // nanoseconds that deciding_threads take to pack each byte packed

    bool strict() const { return promise.error_bound <= promises::direct.error_bound; }
};

class Way {
public:
    explicit Way(Facts known) : facts(std::move(known)) {}
    virtual ~Way() = default;
    virtual void pack(const void* weight, void* packed) const = 0;
    // As pack, of turned weights; false, with nothing done, by ways that do not read them as they stand.
    virtual bool pack_turned(const Turned&, void*) const { return false; }
    // Where the way spreads, `args.spoiled` is not null.
    virtual void run(const Args& args, int threads) const = 0;

    // Of so many threads, those whose workspaces keep to the problem's limit together; at least one.
    int affordable(const Problem& p, int threads) const {
        const double most = p.workspace_limit() / double(facts.workspace_bytes > 0 ? facts.workspace_bytes : 1);
        return most < 1 ? 1 : most < threads ? int(most) : threads;
    }

    const Facts facts;
};

// A way, or the reason why it cannot compute the problem.
struct Offer {
    std::unique_ptr<Way> way;
    std::string refusal;
};

// How a way is to be used: on so many threads, and whether weights are packed for each call.
struct Use {
    int threads;
    bool once = false;
};

// Of problems whose elements the way computes; see ListedWay.
#define STRIATE_WAY(name, Plan, elements, error_bound, spreads) \
    Offer offer_##name(const Problem&, const Machine&, const Use&);
#define STRIATE_KERNEL(name, Plan, elements)
#include "ways/ways.def"
#undef STRIATE_WAY
#undef STRIATE_KERNEL

}  // namespace striate
