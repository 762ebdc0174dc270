//! The way out of a failure, for the container at hand. Templates are of the composition: they end in `scripts/up`, and
//! say `NAME`, `NETWORK`. A stranger is none of `scripts/up`'s.

use super::control::RECREATE;

/// The template for this target. A `stranger` is a container that the policy does not know.
pub(crate) fn of(template: &str, kind: &str, name: &str, stranger: bool) -> String {
    let named = match kind {
        "network" => template.replace("NETWORK", name),
        _ => template.replace("NAME", name),
    };
    if !stranger {
        return named;
    }
    match template {
        RECREATE => format!("make {name} anew as the control says: docker rm -f {name}, then docker run"),
        "scripts/up" => format!("docker start {name}"),
        _ => named.replace("scripts/up", &format!("make {name} anew")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mend_names_what_it_is_about_and_a_stranger_is_not_scripts_up_s() {
        let cell = |template| of(template, "container", "cell", false);
        let x = |template| of(template, "container", "x", true);
        assert_eq!(cell("docker logs NAME; scripts/up"), "docker logs cell; scripts/up");
        assert_eq!(x("docker logs NAME; scripts/up"), "docker logs x; make x anew");
        assert_eq!(x("scripts/up"), "docker start x");
        assert_eq!(cell("scripts/up"), "scripts/up");
        assert!(x(RECREATE).contains("docker rm -f x") && cell(RECREATE) == RECREATE);
        let guest = of("docker network disconnect -f NETWORK CONTAINER", "network", "cellblock-cell", false);
        assert_eq!(guest, "docker network disconnect -f cellblock-cell CONTAINER");
    }

    #[test]
    fn no_stranger_is_sent_to_the_composition_s_own_scripts() {
        for control in super::super::container_controls() {
            let said = x_of(control.mend);
            assert!(!said.contains("scripts/up") && !said.contains("compose/") && !said.contains("NAME"), "{said}");
        }
    }

    fn x_of(template: &str) -> String {
        of(template, "container", "x", true)
    }
}
