// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/digest.h"

#include "model/core/error.h"

#include <openssl/evp.h>

namespace vlm {

Digest::Digest() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex(context_, EVP_sha256(), nullptr) != 1)
    fail(ErrorCategory::Failed, "SHA-256 is not available in libcrypto");
}

Digest::~Digest() { EVP_MD_CTX_free(context_); }

void Digest::add(std::string_view bytes) { EVP_DigestUpdate(context_, bytes.data(), bytes.size()); }

std::string Digest::hex() {
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_DigestFinal_ex(context_, sum, &length);
  static const char digits[] = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < length; ++i) {
    out.push_back(digits[sum[i] >> 4]);
    out.push_back(digits[sum[i] & 15]);
  }
  return out;
}

} // namespace vlm
