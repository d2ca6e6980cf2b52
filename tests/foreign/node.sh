# needs node:nodejs
node -e 'const z = require("zlib"); z.gzip("x".repeat(1e5), (e, b) => { console.log(z.gunzipSync(b).length); process.exit(9) })'
