package dev.rebootless.host;

import java.util.ArrayList;
import java.util.List;

/** Units that are there, and what was asked of them. */
class RecordedUnits implements BootUnits {
    final List<String> asked = new ArrayList<>();

    @Override
    public void enable() {
        asked.add("enable");
    }

    @Override
    public void requireThere() {
        asked.add("look");
    }

    @Override
    public void disable() {
        asked.add("disable");
    }
}
