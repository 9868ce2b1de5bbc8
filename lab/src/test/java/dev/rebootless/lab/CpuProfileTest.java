package dev.rebootless.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class CpuProfileTest {
    @Test
    void callDepthTrackingIsAskedForOnlyWhereTheKernelHasIt() {
        assertThat(CpuProfile.defaults(false))
                .noneMatch(profile -> profile.kernelParameters().contains("retbleed=stuff"))
                .anyMatch(profile -> profile.kernelParameters().contains("retbleed=unret"));
        assertThat(CpuProfile.defaults(true))
                .anyMatch(profile -> profile.kernelParameters().contains("retbleed=stuff"));
    }

    @Test
    void aParameterCannotBringAnotherAlong() {
        assertThatThrownBy(() -> new CpuProfile("max", List.of("quiet init=/bin/sh")))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new CpuProfile("-monitor", List.of()))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
