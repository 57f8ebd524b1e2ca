// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/base/modelloader.h"

#include "gst-plugin/base/gstptr.h"
#include "gst-plugin/base/gstvlmengine.h"
#include "gst-plugin/base/gstvlmerrors.h"

#include <atomic>
#include <utility>

namespace gstvlm
{
namespace
{

void
post_progress (GstElement * element, GstProgressType type, const gchar * text)
{
  gst_element_post_message (element,
      gst_message_new_progress (GST_OBJECT (element), type, "open", text));
}

// Told by tenths. The engine may keep the function for as long as the model, so
// it must not keep the element.
std::function<void (double)>
progress_of (GstElement * element)
{
  auto weak = std::make_shared<WeakElement> (element);
  auto told = std::make_shared<std::atomic<int>> (0);
  return [weak, told] (double share) {
    const int tenths = static_cast<int> (share * 10);
    if (tenths <= told->load () || tenths >= 10)
      return;
    told->store (tenths);
    const Ptr<GstElement> element = weak->lock ();
    if (!element)
      return;
    const std::string text =
        "Loading model: " + std::to_string (tenths * 10) + " %";
    post_progress (element.get (), GST_PROGRESS_TYPE_CONTINUE, text.c_str ());
  };
}

Loader::Opened
run (GstElement * element, const Loader::Open &open,
    const vlm::CancelToken &cancel)
{
  try {
    Loader::Opened opened = open (progress_of (element), cancel);
    cancel.check ();
    return opened;
  } catch (...) {
    if (cancel.cancelled ()) {
      post_progress (element, GST_PROGRESS_TYPE_CANCELED, "Model not needed");
      return nullptr;
    }
    post_error (element, failure_of (std::current_exception ()));
    post_progress (element, GST_PROGRESS_TYPE_ERROR, "Model not loaded");
    return nullptr;
  }
}

} // namespace

void
Loader::start (GstElement * element, Open open, Loaded loaded)
{
  cancel ();
  cancel_ = vlm::CancelToken ();
  post_progress (element, GST_PROGRESS_TYPE_START, "Loading model");
  const auto work = [open = std::move (open), loaded = std::move (loaded),
                        cancel = cancel_,
                        kept = opened_] (const Ptr<GstElement> &owner) {
    Opened opened = run (owner.get (), open, cancel);
    if (opened) {
      *kept = opened;
      loaded (opened);
      post_progress (owner.get (), GST_PROGRESS_TYPE_COMPLETE, "Model loaded");
    } else if (!cancel.cancelled ()) {
      loaded (nullptr);
    }
  };
  gst_object_ref (element);
  thread_ = std::thread ([work, element] { work (Ptr<GstElement> (element)); });
}

void
ModelLoader::start (
    GstElement * element, const vlm::ModelOptions &options, Loaded loaded)
{
  Loader::start (
      element,
      [options] (const auto &progress, const vlm::CancelToken &cancel) {
        return engine ().open (options, progress, cancel);
      },
      [loaded = std::move (loaded)] (const Opened &opened) {
        loaded (std::static_pointer_cast<vlm::Worker> (opened));
      });
}

void
PainterLoader::start (
    GstElement * element, const vlm::PainterOptions &options, Loaded loaded)
{
  Loader::start (
      element,
      [options] (const auto &progress, const vlm::CancelToken &cancel) {
        return engine ().open_painter (options, progress, cancel);
      },
      [loaded = std::move (loaded)] (const Opened &opened) {
        loaded (std::static_pointer_cast<vlm::PaintWorker> (opened));
      });
}

void
Loader::cancel ()
{
  cancel_.cancel ();
  if (!thread_.joinable ())
    return;
  // From a handler of this thread's own messages nobody can be waited for.
  if (thread_.get_id () == std::this_thread::get_id ())
    thread_.detach ();
  else
    thread_.join ();
}

} // namespace gstvlm
