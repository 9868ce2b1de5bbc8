package dev.rebootless.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A CPU model of QEMU to boot on, with the kernel parameters that bring out what it is there to
 * show. A module that was not run through objtool works on a CPU without mitigations and is wrong
 * on one with them, so one model is not enough.
 *
 * @param model as in {@code qemu-system-x86_64 -cpu help}, with features if need be ({@code
 *     max,-smap})
 * @param kernelParameters for the kernel's command line, without spaces
 */
public record CpuProfile(String model, List<String> kernelParameters) {
    /** The model that shows all features that the accelerator has. */
    public static final String MAX = "max";

    private static final Pattern MODEL = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._,=+-]{0,200}");
    private static final Pattern PARAMETER = Pattern.compile("[!-~]{1,200}");

    public CpuProfile {
        kernelParameters = List.copyOf(kernelParameters);
        if (!MODEL.matcher(model).matches()) {
            throw new IllegalArgumentException("not the name of a CPU model: " + model);
        }
        for (String parameter : kernelParameters) {
            if (!PARAMETER.matcher(parameter).matches()) {
                throw new IllegalArgumentException("not one kernel parameter: " + parameter);
            }
        }
    }

    /**
     * The models on which a proof is taken: all features; an AMD CPU whose returns go through the
     * untrained return thunk; an Intel CPU whose indirect calls go through retpolines. The
     * parameters are those of Documentation/admin-guide/kernel-parameters.txt, handled in
     * arch/x86/kernel/cpu/bugs.c.
     *
     * @param callDepthTracking whether the kernel's configuration has CONFIG_CALL_DEPTH_TRACKING
     *     (6.2 and later; CONFIG_MITIGATION_CALL_DEPTH_TRACKING since 6.9), without which it does
     *     not know {@code retbleed=stuff}
     */
    public static List<CpuProfile> defaults(boolean callDepthTracking) {
        List<String> skylake = new ArrayList<>(List.of("spectre_v2=retpoline,generic"));
        if (callDepthTracking) {
            skylake.addFirst("retbleed=stuff");
        }
        return List.of(
                new CpuProfile(MAX, List.of()),
                new CpuProfile("EPYC", List.of("retbleed=unret")),
                new CpuProfile("Skylake-Client", skylake));
    }
}
