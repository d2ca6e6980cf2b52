# needs openssl:openssl
seq 9999 | openssl dgst -sha512
seq 99 | openssl enc -aes-256-cbc -pbkdf2 -nosalt -k x | openssl base64 | tail -n 1
openssl prime -checks 1 97
openssl nothing
