--- A repository of what the source folder holds, for the specs that make a rock or a release.

local shell = require "spec.support.shell"

local checkout = {}

--- Nothing of this user's settings counts in the commands that follow this, and no git hook runs.
checkout.ENVIRONMENT = "export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null "
  .. "GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org "
  .. "GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org; "

--- Makes the repository in `folder`, with all committed on the branch main.
function checkout.make(folder)
  shell.needs "git"
  shell.run("mkdir %s", folder)
  shell.run("cp -r .gitignore .busted Makefile *.md LICENSE *.rockspec bench bin debian docs "
    .. "examples lua shim scripts spec %s", folder)
  shell.run(checkout.ENVIRONMENT .. "cd %s && git init -q -b main && git add -A "
    .. "&& git commit -q -m all", folder)
end

return checkout
