// Runs the test files that are named one after the other, in this process. Their stories are told as those of one file.

/** tap names the folders of its tests by the arguments: the first name is enough. */
const [first = '', ...others] = process.argv.splice(2)
process.argv.push(first)

/** One module imports all of them: none begins before all are loaded, since tap ends once it has nothing more to tell. */
const all = [first, ...others].map(
  name => `import ${JSON.stringify(new URL(`../${name}.js`, import.meta.url).href)}`,
)
await import(`data:text/javascript,${encodeURIComponent(all.join('\n'))}`)
