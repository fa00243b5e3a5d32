// The environment of the command that `holdfast run` starts: all of this process's own, without secrets and access tokens. The
// command needs the lock, not the cluster.

/** Those of today and of later versions. */
const secretName = /^HOLDFAST_(.*_)?(SECRET|ACCESS_TOKEN)(_|$)/

export function commandEnvironment(
  environment: NodeJS.ProcessEnv,
  told: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => !secretName.test(name))
  return { ...Object.fromEntries(kept), ...told }
}
