// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/picture/jpegpicture.h"

#include "model/core/error.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

namespace gstvlm
{
namespace
{

constexpr int kQuality = 85;

// libjpeg reports errors by a function that must not return. Whoever jumps back
// has no objects with destructors on the way.
struct Errors {
  jpeg_error_mgr manager; // first: libjpeg knows it only
  std::jmp_buf back;
  char text[JMSG_LENGTH_MAX];
};

void
leave (j_common_ptr codec)
{
  Errors * errors = reinterpret_cast<Errors *> (codec->err);
  errors->manager.format_message (codec, errors->text);
  std::longjmp (errors->back, 1);
}

void
ignore_warnings (j_common_ptr, int)
{
}

void
catch_errors (Errors &errors)
{
  jpeg_std_error (&errors.manager);
  errors.manager.error_exit = leave;
  errors.manager.emit_message = ignore_warnings;
}

bool
compress (const vlm::Image &image, Errors &errors, unsigned char ** out,
    unsigned long * size)
{
  jpeg_compress_struct codec;
  codec.err = &errors.manager;
  if (setjmp (errors.back)) {
    jpeg_destroy_compress (&codec);
    return false;
  }
  jpeg_create_compress (&codec);
  jpeg_mem_dest (&codec, out, size);
  codec.image_width = static_cast<JDIMENSION> (image.width);
  codec.image_height = static_cast<JDIMENSION> (image.height);
  codec.input_components = 3;
  codec.in_color_space = JCS_RGB;
  jpeg_set_defaults (&codec);
  jpeg_set_quality (&codec, kQuality, TRUE);
  jpeg_start_compress (&codec, TRUE);
  const size_t stride = size_t{3} * codec.image_width;
  while (codec.next_scanline < codec.image_height) {
    JSAMPROW row =
        const_cast<JSAMPROW> (image.rgb.data () + codec.next_scanline * stride);
    jpeg_write_scanlines (&codec, &row, 1);
  }
  jpeg_finish_compress (&codec);
  jpeg_destroy_compress (&codec);
  return true;
}

bool
decompress (
    const std::vector<unsigned char> &file, Errors &errors, vlm::Image &image)
{
  jpeg_decompress_struct codec;
  codec.err = &errors.manager;
  if (setjmp (errors.back)) {
    jpeg_destroy_decompress (&codec);
    return false;
  }
  jpeg_create_decompress (&codec);
  jpeg_mem_src (&codec, file.data (), file.size ());
  jpeg_read_header (&codec, TRUE);
  codec.out_color_space = JCS_RGB;
  jpeg_start_decompress (&codec);
  const size_t stride = size_t{3} * codec.output_width;
  image.width = static_cast<int> (codec.output_width);
  image.height = static_cast<int> (codec.output_height);
  image.rgb.resize (stride * codec.output_height);
  while (codec.output_scanline < codec.output_height) {
    JSAMPROW row = image.rgb.data () + codec.output_scanline * stride;
    jpeg_read_scanlines (&codec, &row, 1);
  }
  jpeg_finish_decompress (&codec);
  jpeg_destroy_decompress (&codec);
  return true;
}

} // namespace

std::vector<unsigned char>
to_jpeg (const vlm::Image &image)
{
  Errors errors;
  catch_errors (errors);
  unsigned char * data = nullptr;
  unsigned long size = 0;
  const bool done = compress (image, errors, &data, &size);
  std::vector<unsigned char> out;
  if (done)
    out.assign (data, data + size);
  std::free (data);
  if (!done)
    vlm::fail (vlm::ErrorCategory::Failed, "a picture of ", image.width, "x",
        image.height, " cannot be compressed: ", errors.text);
  return out;
}

vlm::Image
from_jpeg (const std::vector<unsigned char> &file)
{
  Errors errors;
  catch_errors (errors);
  vlm::Image image;
  if (!decompress (file, errors, image))
    vlm::fail (vlm::ErrorCategory::Data, "no JPEG file: ", errors.text);
  return image;
}

} // namespace gstvlm
