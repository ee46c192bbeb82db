"""A little of everything at once: the quickest look at whether the stack holds."""

from montage_pipeline_tests.chaos.scene import Death, Scene
from montage_pipeline_tests.chaos.store_proxy import Trouble
from montage_pipeline_tests.fakes import anthropic_server as claude
from montage_pipeline_tests.fakes import fal_server as fal


def test_a_little_of_everything(scene: Scene) -> None:
    """Both providers are overloaded, the store is slowed down, and a run dies by SIGKILL right
    after it has settled what it bought.
    """
    scene.system.anthropic.script(claude.Fault.overloaded())
    scene.system.fal.script("status", fal.Fault.http(503, "<html>no</html>"))
    scene.world.kill_at(Death("after", "CostLedger.settle"))
    scene.click(2)
    scene.world.store.order(Trouble("503", left=3))
    scene.wait_for(lambda: scene.world.killed, "killed")
    scene.wait_for(lambda: scene.world.store.troubles == 3, "slowed down")
    scene.all_is_well()
