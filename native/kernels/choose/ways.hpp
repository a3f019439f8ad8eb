// Every way there is.
#pragma once

#include "ways/way.hpp"

namespace striate {

struct ListedWay {
    Promise promise;
    Offer (*offer_elements)(const Problem&, const Machine&, int threads);

    Offer offer(const Problem& p, const Machine& machine, int threads) const {
        if (!promise.computes(p.dtype)) return {nullptr, std::string(promise.name) + " computes float32 only"};
        return offer_elements(p, machine, threads);
    }
};

// `direct` first.
const std::vector<ListedWay>& ways();

}  // namespace striate
