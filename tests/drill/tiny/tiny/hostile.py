"""A drill puts its attack in place of this module, which every process of the site imports."""
