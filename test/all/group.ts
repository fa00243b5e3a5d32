// Runs the test files that are named one after the other, in this process. Their stories are told as those of one file.

for (const name of process.argv.slice(2)) await import(`../${name}.js`)
