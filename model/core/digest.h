// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace vlm {

/// SHA-256 over whatever is added, in order.
class Digest {
public:
  Digest();
  ~Digest();
  Digest(const Digest &) = delete;
  Digest &operator=(const Digest &) = delete;
  void add(std::string_view bytes);
  /// 64 lower-case hexadecimal digits. Call once, last.
  std::string hex();

private:
  evp_md_ctx_st *context_;
};

inline std::string sha256(std::string_view bytes) {
  Digest digest;
  digest.add(bytes);
  return digest.hex();
}

} // namespace vlm
