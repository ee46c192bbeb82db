"""The instruments by name. A comment says what each imitates; its numbers are tuned by ear."""

from montage_pipeline.music.synth.sound.patch import Patch

_ALL = (
    # --- Keys
    # A concert grand: two strings a note, a hammer, a long ring.
    Patch(
        "grand",
        slope=1.35,
        decay_s=2.0,
        damping=0.42,
        sustain=0.02,
        release_s=0.35,
        unison=2,
        detune_cents=1.0,
        width=0.5,
        knock=1.0,
    ),
    # An upright with felt between hammers and strings: dull, close, with audible hammers.
    Patch(
        "felt",
        slope=1.6,
        decay_s=1.7,
        damping=0.5,
        sustain=0.02,
        release_s=0.45,
        unison=2,
        detune_cents=1.2,
        width=0.5,
        knock=2.2,
        attack_s=0.008,
    ),
    # A Rhodes electric piano: bell-like tines, slowly panned.
    Patch(
        "rhodes",
        kind="fm",
        decay_s=1.6,
        sustain=0.05,
        release_s=0.25,
        fm_index=1.1,
        width=1.0,
        attack_s=0.004,
    ),
    # A Wurlitzer electric piano: reedier, barks when struck hard.
    Patch(
        "wurli",
        kind="fm",
        decay_s=1.2,
        sustain=0.05,
        release_s=0.2,
        fm_index=1.9,
        fm_ratio=1.0,
        width=0.6,
        attack_s=0.003,
    ),
    # A drawbar organ: steady, somewhat hollow.
    Patch(
        "organ",
        slope=1.1,
        odd=0.35,
        sustain=0.9,
        decay_s=0.5,
        attack_s=0.01,
        release_s=0.12,
        unison=2,
        detune_cents=4,
        width=0.8,
    ),
    # --- Plucked and struck
    # A steel-string guitar, picked.
    Patch(
        "guitar",
        slope=0.9,
        pluck=0.22,
        decay_s=1.2,
        damping=0.45,
        release_s=0.15,
        unison=2,
        detune_cents=1.5,
        width=0.45,
        knock=0.8,
    ),
    # A classical guitar, played with fingers.
    Patch(
        "nylon",
        slope=1.3,
        pluck=0.3,
        decay_s=0.9,
        damping=0.5,
        release_s=0.15,
        width=0.2,
        knock=1.2,
    ),
    # A string section plucking.
    Patch(
        "pizzicato",
        slope=1.2,
        pluck=0.15,
        decay_s=0.28,
        damping=0.45,
        release_s=0.1,
        unison=3,
        detune_cents=5,
        width=0.7,
    ),
    # Wooden bars; their first overtone is tuned two octaves up.
    Patch(
        "marimba",
        kind="modal",
        decay_s=0.42,
        release_s=0.05,
        width=0.8,
        modes=((1.0, 1.0, 1.0), (3.93, 0.28, 0.35), (9.2, 0.10, 0.12)),
    ),
    # A thumb piano: metal tongues on a wooden box.
    Patch(
        "kalimba",
        kind="modal",
        decay_s=0.75,
        release_s=0.05,
        width=0.9,
        modes=((1.0, 1.0, 1.0), (2.01, 0.10, 0.6), (5.95, 0.22, 0.18)),
    ),
    # Glass bars, ringing long.
    Patch(
        "glass",
        kind="modal",
        decay_s=1.4,
        release_s=0.05,
        width=1.0,
        modes=((1.0, 1.0, 1.0), (2.76, 0.22, 0.6), (5.4, 0.10, 0.3), (8.9, 0.04, 0.2)),
    ),
    # A bright synthesizer pluck.
    Patch(
        "pluck",
        slope=0.8,
        decay_s=0.32,
        damping=0.38,
        release_s=0.12,
        unison=3,
        detune_cents=9,
        width=0.9,
    ),
    # The same with the treble down.
    Patch(
        "soft_pluck",
        slope=1.3,
        decay_s=0.45,
        damping=0.4,
        release_s=0.2,
        unison=2,
        detune_cents=6,
        width=0.9,
    ),
    # A short, wide synthesizer chord.
    Patch(
        "stab",
        slope=0.85,
        decay_s=0.5,
        damping=0.25,
        sustain=0.25,
        release_s=0.14,
        unison=6,
        detune_cents=17,
        width=1.0,
    ),
    # --- Sustained
    # Seven detuned sawtooth waves: the wall of dance music.
    Patch(
        "supersaw",
        slope=0.95,
        sustain=0.8,
        decay_s=0.8,
        damping=0.1,
        attack_s=0.008,
        release_s=0.25,
        unison=7,
        detune_cents=20,
        width=1.0,
    ),
    # A slow analogue pad.
    Patch(
        "warm_pad",
        slope=1.25,
        sustain=0.9,
        decay_s=2.0,
        attack_s=0.35,
        release_s=0.9,
        unison=4,
        detune_cents=11,
        width=1.0,
    ),
    # A string section, bowed.
    Patch(
        "strings",
        slope=1.15,
        sustain=0.95,
        decay_s=2.0,
        attack_s=0.22,
        release_s=0.7,
        unison=5,
        detune_cents=10,
        width=1.0,
    ),
    # A string section with bouncing bows: short and driving.
    Patch(
        "spiccato",
        slope=1.0,
        sustain=0.0,
        decay_s=0.22,
        damping=0.25,
        attack_s=0.012,
        release_s=0.12,
        unison=5,
        detune_cents=9,
        width=0.9,
    ),
    # Voices on an open vowel.
    Patch(
        "choir",
        slope=1.7,
        odd=0.2,
        sustain=0.95,
        decay_s=2.0,
        attack_s=0.3,
        release_s=0.8,
        unison=4,
        detune_cents=13,
        width=1.0,
        breath=1.0,
    ),
    # A brass section.
    Patch(
        "brass",
        slope=0.9,
        sustain=0.75,
        decay_s=0.6,
        attack_s=0.06,
        release_s=0.25,
        unison=4,
        detune_cents=7,
        width=0.7,
    ),
    # --- Leads
    # A sawtooth lead.
    Patch(
        "saw_lead",
        slope=1.0,
        sustain=0.7,
        decay_s=0.5,
        damping=0.2,
        attack_s=0.006,
        release_s=0.16,
        unison=3,
        detune_cents=9,
        width=0.6,
    ),
    # A hollow square-wave lead, as of old game consoles.
    Patch(
        "square_lead",
        slope=1.1,
        odd=0.9,
        sustain=0.6,
        decay_s=0.4,
        attack_s=0.005,
        release_s=0.14,
        unison=2,
        detune_cents=6,
        width=0.5,
    ),
    # Somebody whistling.
    Patch(
        "whistle",
        slope=2.6,
        sustain=0.85,
        decay_s=0.6,
        attack_s=0.035,
        release_s=0.16,
        vibrato_cents=14,
        breath=1.6,
        width=0.0,
    ),
    # A flute, with its air.
    Patch(
        "flute",
        slope=2.1,
        odd=0.2,
        sustain=0.85,
        decay_s=0.6,
        attack_s=0.05,
        release_s=0.2,
        vibrato_cents=10,
        breath=2.2,
        width=0.0,
    ),
    # A few violins in unison.
    Patch(
        "solo_strings",
        slope=1.05,
        sustain=0.9,
        decay_s=1.0,
        attack_s=0.11,
        release_s=0.4,
        unison=3,
        detune_cents=7,
        width=0.6,
    ),
    # --- Basses, which stay in the middle
    # The long, driven bass drum of a TR-808, played as a bass.
    Patch(
        "sub_808", kind="sub", decay_s=0.9, sustain=0.15, release_s=0.12, drive=1.3, attack_s=0.004
    ),
    # A soft synthesizer bass.
    Patch(
        "round_bass",
        slope=1.9,
        sustain=0.45,
        decay_s=0.5,
        damping=0.3,
        release_s=0.08,
        width=0.0,
        attack_s=0.006,
        drive=0.4,
    ),
    # A biting synthesizer bass.
    Patch(
        "saw_bass",
        slope=1.15,
        sustain=0.5,
        decay_s=0.35,
        damping=0.32,
        release_s=0.07,
        width=0.0,
        attack_s=0.004,
        drive=0.8,
    ),
    # An electric bass, played with fingers.
    Patch(
        "finger_bass",
        slope=1.5,
        pluck=0.25,
        sustain=0.1,
        decay_s=0.8,
        damping=0.4,
        release_s=0.09,
        width=0.0,
        knock=1.2,
        drive=0.3,
    ),
    # A double bass, plucked.
    Patch(
        "upright",
        slope=1.9,
        pluck=0.32,
        decay_s=0.75,
        damping=0.45,
        release_s=0.1,
        width=0.0,
        knock=2.0,
    ),
    # A plain deep sine.
    Patch(
        "soft_sub", kind="sub", decay_s=2.5, sustain=0.5, release_s=0.25, drive=0.25, attack_s=0.03
    ),
)

PATCHES: dict[str, Patch] = {patch.name: patch for patch in _ALL}
