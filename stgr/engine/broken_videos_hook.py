"""Count the videos that training could not use, name them, and stop where they are too many."""

from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook

from stgr.io.failed_videos import FAILED, FailedVideos
from stgr.registry import HOOKS


@HOOKS.register_module()
class BrokenVideosHook(Hook):
    """Report the broken videos of a data set that leaves them out, such as ``HowTo100M``.

    Each is put on the list ``failed.jsonl`` of the work folder with its reason, by whichever worker
    meets it first; after each epoch the log says how many there are. All processes put their counts
    together then, so the share allowed is that of the whole job.
    """

    def before_train(self, runner: Any) -> None:
        """Tell the data set, before there are workers, where its list is."""
        dataset = runner.train_dataloader.dataset
        if hasattr(dataset, 'list_failures'):
            dataset.list_failures(FailedVideos(runner.work_dir))

    def after_train_epoch(self, runner: Any) -> None:
        """Put the counts of all processes together and say them.

        Raises:
            ValueError: If more videos cannot be used than the data set allows.
        """
        dataset = runner.train_dataloader.dataset
        if not hasattr(dataset, 'list_failures'):
            return
        flags = dataset.unusable.clone()
        clips = torch.tensor(dataset.num_frameless_clips)
        all_reduce(flags, op='max')
        all_reduce(clips, op='sum')
        dataset.unusable.copy_(flags)
        said = dataset.describe_unusable(int(clips))
        if said:
            runner.logger.info(f'{said}; see {Path(runner.work_dir) / FAILED}')
        dataset.check_unusable()
