# needs javac:openjdk-17-jdk-headless
cat >M.java <<'END'
import java.util.*; import java.util.stream.*;
public class M { public static void main(String[] a) throws Exception {
  System.out.println(IntStream.range(0, 200000).parallel().mapToObj(Integer::toString)
      .collect(Collectors.groupingByConcurrent(String::length, Collectors.counting())).equals(
      Map.of(1, 10L, 2, 90L, 3, 900L, 4, 9000L, 5, 90000L, 6, 100000L)));
  try { Object o = null; o.hashCode(); } catch (NullPointerException e) { System.out.println("caught"); } System.exit(3); } }
END
java -Xmx128m -XX:-UsePerfData -XX:TieredStopAtLevel=1 M.java
