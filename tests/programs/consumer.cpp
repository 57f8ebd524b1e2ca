// SPDX-License-Identifier: LGPL-2.1-or-later
// A stranger's program: asks the model in a directory about a picture file.
#include "model/core/environment.h"
#include "model/engine/model.h"
#include "model/vision/image_file.h"

#include <iostream>

int main(int argc, char **argv) {
  vlm::restart_prepared(argv);
  if (argc != 3)
    return 2;
  vlm::ModelOptions options;
  options.path = argv[1];
  vlm::Request request;
  request.question = "What is in the picture?";
  request.images = {vlm::load_image(argv[2])};
  request.max_tokens = 8;
  std::cout << vlm::Model::load(options)->generate(request).text << "\n";
}
